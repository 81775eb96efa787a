import type { KrakenClient } from '@kraken/client';
import type { GroupCall } from '@kraken/client/call';
import { useKraken } from '@kraken/client/react';
import { usePresence, useYjsDocument } from '@kraken/client/react-yjs';
import { Suspense, lazy, useEffect, useMemo, useState } from 'react';
import type { Awareness } from 'y-protocols/awareness';
import { person } from '../person.ts';
import { useOwner } from '../owner.ts';
import { here, socketBase } from '../place.ts';
import { ownersToken, rememberRoom } from '../rooms.ts';
import { useStored } from '../stored.ts';
import { lazySoon } from '../ui/lazySoon.ts';
import { readToken } from '../token.ts';
import { Loading } from '../App.tsx';
import { Huddle } from './call/Huddle.ts';
import { Voices } from './call/Voices.tsx';
import { RefusedRoom } from './RefusedRoom.tsx';
import { RoomHeader } from './RoomHeader.tsx';
import { SidePanel } from './SidePanel.tsx';
import { useLastClose } from './useLastClose.ts';
import { useRoomTitle } from './useRoomTitle.ts';
import { useReady } from './useReady.ts';
import { ViewTabs } from './ViewTabs.tsx';
import type { Views } from './ViewTabs.tsx';
import { WaitingRoom } from './WaitingRoom.tsx';

const Editor = lazy(() => import('./editor/Editor.tsx'));
const Board = lazySoon(() => import('./board/Board.tsx'));

interface OpenRoomProps {
  room: string;
  /** Undefined where the login at the node is enough. */
  token: string | undefined;
}

export function OpenRoom({ room, token }: OpenRoomProps) {
  const owner = useOwner();
  const { doc, provider, awareness, connection, status, synced, saved } = useYjsDocument({
    url: socketBase(here),
    room,
    token: owner === null || token === undefined ? token : () => ownersToken(owner, room, token),
    via: here.way === 'node' ? 'direct' : 'gateway',
    offline: true,
  });
  const { client } = useKraken({ connection });
  const huddle = useHuddle(client, awareness);
  const me = useStored(person);
  const others = usePresence(provider, me);
  const [title, setTitle] = useRoomTitle(doc, room);
  const isReady = useReady(provider, synced);
  const lastClose = useLastClose(provider);
  const [views, setViews] = useState<Views>('document');
  const [sidePanel, setSidePanel] = useState(() => matchMedia('(min-width: 64rem)').matches);
  const canWrite = saved !== 'rejected' && (token === undefined || mayWrite(token));

  useEffect(() => {
    if (isReady) rememberRoom({ room, title, token: token ?? null }, Date.now());
  }, [isReady, room, title, token]);

  if (status.state === 'refused') {
    const { code, reason } = status;
    return <RefusedRoom {...{ room, code, reason }} onRetry={() => provider?.connect()} />;
  }
  if (provider === null || awareness === null || huddle === null) return <Loading />;
  if (!isReady) {
    return (
      <WaitingRoom
        lastClose={lastClose}
        onRetry={() => {
          provider.connect();
        }}
      />
    );
  }
  return (
    <div className="room">
      <RoomHeader
        {...{ room, token, title, status, saved, canWrite, others, lastClose }}
        onTitle={setTitle}
        onRetry={() => {
          provider.connect();
        }}
        isPanelOpen={sidePanel}
        onPanel={setSidePanel}
      />
      <main id="main" tabIndex={-1} className={`room-main ${sidePanel ? 'has-panel' : ''}`}>
        <div className={`room-views show-${views}`}>
          <Suspense fallback={<Loading />}>
            <section className="room-view view-document" aria-label="Document">
              <Editor text={doc.getText('content')} awareness={awareness} canWrite={canWrite} />
            </section>
            {views !== 'document' && (
              <section className="room-view view-board" aria-label="Board">
                <Board doc={doc} awareness={awareness} canWrite={canWrite} />
              </section>
            )}
          </Suspense>
        </div>
        <Voices huddle={huddle} />
        {sidePanel && (
          <SidePanel
            huddle={huddle}
            others={others}
            onClose={() => {
              setSidePanel(false);
            }}
          />
        )}
      </main>
      <ViewTabs
        views={views}
        onViews={setViews}
        onPanel={() => {
          setSidePanel(true);
        }}
      />
    </div>
  );
}

function mayWrite(token: string): boolean {
  return readToken(token)?.canWrite ?? true;
}

/** On the room's own socket, and under the same id, so that everybody is one and the same there. */
async function groupCallOf({ connection, peerId }: KrakenClient): Promise<GroupCall> {
  const calls = await import('@kraken/client/call');
  return new calls.GroupCall({ connection, peerId, name: person.value.name });
}

function useHuddle(client: KrakenClient, awareness: Awareness | null): Huddle | null {
  const huddle = useMemo(
    () =>
      awareness === null ? null : new Huddle(client, awareness, () => groupCallOf(client)),
    [client, awareness],
  );
  useEffect(() => huddle?.watch(), [huddle]);
  return huddle;
}
