import { useCallback } from 'react';
import type { OwnerApi } from '../api/client.ts';
import type { Durability, Settings as ServerSettings, SettingsChange } from '../api/types.ts';
import { Select } from '../ui/Field.tsx';
import { ErrorNotice, Notice } from '../ui/Notice.tsx';
import { Switch } from '../ui/Switch.tsx';
import { say } from '../ui/toast.tsx';
import { useLive } from '../ui/useLive.ts';
import { useTask } from '../ui/useTask.ts';
import { CredentialsCard } from './CredentialsCard.tsx';
import { LimitsCard } from './LimitsCard.tsx';
import { LinkCard } from './LinkCard.tsx';
import { Card, Loaded, Page } from './Page.tsx';
import { SdsCard } from './SdsCard.tsx';

type Change = (what: SettingsChange) => Promise<void>;

export function Settings({ owner }: { owner: OwnerApi }) {
  const load = useCallback(() => owner.settings(), [owner]);
  const live = useLive(load, null);
  const change: Change = async (what) => {
    live.set(await owner.changeSettings(what));
    say('Saved. It holds at once.');
  };
  return (
    <Page title="Settings" lead="They hold for the whole server.">
      <Loaded live={live}>
        {(settings) => (
          <>
            <General settings={settings} change={change} />
            <LimitsCard
              key={JSON.stringify(settings.limits)}
              scope="server"
              limits={settings.limits}
              save={(limits) => change({ limits })}
            />
            {settings.sds === undefined ? (
              <Card title="Stores (SDS)">
                <Notice tone="info">This server is older than stores. Update it first.</Notice>
              </Card>
            ) : (
              <SdsCard key={JSON.stringify(settings.sds)} sds={settings.sds} change={change} />
            )}
          </>
        )}
      </Loaded>
      <CredentialsCard owner={owner} />
      <LinkCard owner={owner} />
    </Page>
  );
}

const DURABILITIES = [
  ['relay-first', 'Relay first: fastest'],
  ['write-first', 'Write first: safest'],
] as const;

function General({ settings, change }: { settings: ServerSettings; change: Change }) {
  const save = useTask(change);
  return (
    <Card title="General">
      <Select<Durability>
        label="Durability"
        help="Relay first sends an edit on at once and writes it within 50 ms. Write first sends it on once it is on disk. Apps may choose otherwise."
        value={settings.durability}
        options={DURABILITIES}
        disabled={save.isRunning}
        onChange={(durability) => void save.run({ durability })}
      />
      <Switch
        label="Guests through the node"
        help="Lets others than the owner use the node’s own HTTP server, which has 128 sockets for all its apps."
        checked={settings.tickets_for_everyone}
        disabled={save.isRunning}
        onChange={(on) => void save.run({ tickets_for_everyone: on })}
      />
      {save.error !== null && <ErrorNotice error={save.error} />}
    </Card>
  );
}
