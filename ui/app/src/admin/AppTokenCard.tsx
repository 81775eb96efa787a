import { useCallback, useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import type { IssuedToken, Scope } from '../api/types.ts';
import { ROOMS_APP } from '../rooms.ts';
import { Button } from '../ui/Button.tsx';
import { Select, TextField } from '../ui/Field.tsx';
import { formatDate } from '../ui/format.ts';
import { ErrorNotice } from '../ui/Notice.tsx';
import { useLive } from '../ui/useLive.ts';
import { useTask } from '../ui/useTask.ts';
import { LIFETIMES, SCOPES } from './lifetimes.ts';
import { Card, Loaded } from './Page.tsx';
import { AppSnippets } from './SnippetTabs.tsx';

export function AppTokenCard({ owner }: { owner: OwnerApi }) {
  const load = useCallback(() => owner.apps(), [owner]);
  const apps = useLive(load, null);
  return (
    <Card title="For an app" lead="A token says who somebody is, and which rooms they may open.">
      <Loaded live={apps}>
        {(all) => (
          <AppTokenForm
            owner={owner}
            apps={all.map(({ app_id, name }) => [app_id, name] as const)}
          />
        )}
      </Loaded>
    </Card>
  );
}

interface AppTokenFormProps {
  owner: OwnerApi;
  apps: readonly (readonly [string, string])[];
}

function AppTokenForm({ owner, apps }: AppTokenFormProps) {
  const [app, setApp] = useState(apps[0]?.[0] ?? ROOMS_APP);
  const [user, setUser] = useState('');
  const [rooms, setRooms] = useState('*');
  const [scope, setScope] = useState<Scope>('write');
  const [lifetime, setLifetime] = useState<string>('86400');
  const [issued, setIssued] = useState<IssuedToken | null>(null);
  const issue = useTask(async () => {
    setIssued(null);
    const aud = rooms.trim();
    const request = { sub: user.trim(), aud, scope, expires_in: Number(lifetime) };
    setIssued(await owner.issueToken(app, request));
  });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void issue.run();
      }}
    >
      <div className="fields">
        <Select label="App" value={app} onChange={setApp} options={apps} />
        <TextField
          label="User"
          placeholder="ada"
          help="Your own name for them."
          required
          value={user}
          onChange={(event) => {
            setUser(event.target.value);
          }}
        />
        <TextField
          label="Rooms"
          help="A name, all below it as boards/*, or * for all."
          required
          value={rooms}
          onChange={(event) => {
            setRooms(event.target.value);
          }}
        />
        <Select label="May" value={scope} onChange={setScope} options={SCOPES} />
        <Select label="For" value={lifetime} onChange={setLifetime} options={LIFETIMES} />
      </div>
      {issue.error !== null && <ErrorNotice error={issue.error} />}
      <div className="row row-end">
        <Button look="primary" type="submit" busy={issue.isRunning}>
          Issue the token
        </Button>
      </div>
      {issued !== null && (
        <>
          <AppSnippets token={issued.token} />
          <p className="soft small">
            Good until {formatDate(issued.expires_at)}. To take it back earlier, revoke the secret
            that signed it on the app’s page.
          </p>
        </>
      )}
    </form>
  );
}
