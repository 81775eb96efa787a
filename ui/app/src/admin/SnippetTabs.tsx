import { Tabs } from '../ui/Tabs.tsx';
import { useProgramServer } from './gateway.ts';
import { GatewayField } from './GatewayField.tsx';
import { Snippet } from './Snippet.tsx';
import { react, sds, yWebsocket } from './snippets.ts';

/** How programs use an app's token. */
export function AppSnippets({ token }: { token: string }) {
  const server = useProgramServer();
  return (
    <>
      <GatewayField />
      <Tabs
        label="Code"
        tabs={[
          {
            id: 'y-websocket',
            name: 'y-websocket',
            content: <Snippet name="Code for y-websocket" code={yWebsocket(server, token)} />,
          },
          {
            id: 'react',
            name: 'React',
            content: <Snippet name="Code for React" code={react(server, token)} />,
          },
          {
            id: 'token',
            name: 'Token only',
            content: <Snippet name="The token" code={token} />,
          },
        ]}
      />
    </>
  );
}

export function StoreSnippets({ store, token }: { store: string; token: string }) {
  const server = useProgramServer();
  return (
    <>
      <GatewayField />
      <Tabs
        label="Code"
        tabs={[
          {
            id: 'sds',
            name: 'SDS',
            content: <Snippet name="Code for SDS" code={sds(server, store, token)} />,
          },
          {
            id: 'token',
            name: 'Token only',
            content: <Snippet name="The token" code={token} />,
          },
        ]}
      />
    </>
  );
}
