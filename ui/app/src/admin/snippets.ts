/** Code that connects a program; the server and the token are put in, so that it works as it is. */

export function yWebsocket(server: string, token: string): string {
  return `// npm install yjs y-websocket
import * as Y from 'yjs'
import { WebsocketProvider } from 'y-websocket'

const doc = new Y.Doc()
const provider = new WebsocketProvider('${server}', 'my-document', doc, {
  params: { token: '${token}' },
})

provider.on('status', ({ status }) => console.log(status))
provider.on('sync', (synced) => {
  if (synced) console.log('in sync:', doc.getText('content').toString())
})
`;
}

export function react(server: string, token: string): string {
  return `// npm install react yjs y-websocket
import { useEffect, useState } from 'react'
import * as Y from 'yjs'
import { WebsocketProvider } from 'y-websocket'

export function useDocument(room) {
  const [doc] = useState(() => new Y.Doc())
  const [connected, setConnected] = useState(false)

  useEffect(() => {
    const provider = new WebsocketProvider('${server}', room, doc, {
      params: { token: '${token}' },
    })
    provider.on('status', ({ status }) => setConnected(status === 'connected'))
    return () => provider.destroy()
  }, [room, doc])

  return { doc, connected }
}
`;
}

export function sds(server: string, store: string, token: string): string {
  return `// npm install @rozek/sds-core @rozek/sds-network-websocket @rozek/sds-sync-engine
import { SDS_DataStore } from '@rozek/sds-core'
import { SDS_WebSocketProvider } from '@rozek/sds-network-websocket'
import { SDS_SyncEngine } from '@rozek/sds-sync-engine'

const store = SDS_DataStore.fromScratch()
const network = new SDS_WebSocketProvider('${store}')
const engine = new SDS_SyncEngine(store, {
  NetworkProvider: network,
  PresenceProvider: network,
})

await engine.start()
await engine.connectTo('${server}', { Token: '${token}' })
`;
}
