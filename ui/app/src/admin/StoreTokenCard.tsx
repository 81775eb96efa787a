import { useCallback, useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import type { Scope, SdsSettings } from '../api/types.ts';
import { Button, ButtonLink } from '../ui/Button.tsx';
import { Select, TextField } from '../ui/Field.tsx';
import { Notice } from '../ui/Notice.tsx';
import { messageOf } from '../api/errors.ts';
import { useLive } from '../ui/useLive.ts';
import { useTask } from '../ui/useTask.ts';
import { LIFETIMES, SCOPES } from './lifetimes.ts';
import { Card, Loaded } from './Page.tsx';
import { StoreSnippets } from './SnippetTabs.tsx';
import { signStoreToken } from './storeTokens.ts';

export function StoreTokenCard({ owner }: { owner: OwnerApi }) {
  const load = useCallback(() => owner.settings(), [owner]);
  const settings = useLive(load, null);
  return (
    <Card
      title="For a store"
      lead="SDS clients show a token that is signed with the stores’ secret. It is signed in this browser; the secret isn’t sent."
    >
      <Loaded live={settings}>
        {({ sds }) => {
          if (sds === undefined) {
            return <Notice tone="info">This server is older than stores. Update it first.</Notice>;
          }
          return sds.configured ? <StoreTokenForm sds={sds} /> : <NoSecret />;
        }}
      </Loaded>
    </Card>
  );
}

function NoSecret() {
  return (
    <Notice
      tone="info"
      title="Stores are off"
      actions={<ButtonLink href="#/admin/settings">Open the settings</ButtonLink>}
    >
      Choose a secret for SDS stores first.
    </Notice>
  );
}

function StoreTokenForm({ sds }: { sds: SdsSettings }) {
  const [secret, setSecret] = useState('');
  const [store, setStore] = useState('');
  const [user, setUser] = useState('');
  const [scope, setScope] = useState<Scope>('write');
  const [lifetime, setLifetime] = useState<string>('86400');
  const [issued, setIssued] = useState<{ store: string; token: string } | null>(null);
  const issue = useTask(async () => {
    setIssued(null);
    const iat = Math.floor(Date.now() / 1000);
    const exp = iat + Number(lifetime);
    const claims = { sub: user.trim(), aud: store.trim(), scope, iss: sds.issuer, iat, exp };
    setIssued({ store: claims.aud, token: await signStoreToken(claims, secret) });
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
        <TextField
          label="Secret of the stores"
          type="password"
          required
          minLength={32}
          value={secret}
          onChange={(event) => {
            setSecret(event.target.value);
          }}
        />
        <TextField
          label="Store"
          placeholder="my-store"
          required
          value={store}
          onChange={(event) => {
            setStore(event.target.value);
          }}
        />
        <TextField
          label="Client"
          placeholder="ada"
          required
          value={user}
          onChange={(event) => {
            setUser(event.target.value);
          }}
        />
        <Select label="May" value={scope} onChange={setScope} options={SCOPES} />
        <Select label="For" value={lifetime} onChange={setLifetime} options={LIFETIMES} />
      </div>
      {issue.error !== null && <Notice tone="bad">{messageOf(issue.error)}</Notice>}
      <div className="row row-end">
        <Button look="primary" type="submit" busy={issue.isRunning}>
          Sign the token
        </Button>
      </div>
      {issued !== null && <StoreSnippets store={issued.store} token={issued.token} />}
    </form>
  );
}
