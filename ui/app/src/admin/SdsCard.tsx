import { useState } from 'react';
import type { SdsSettings, SettingsChange } from '../api/types.ts';
import { Button } from '../ui/Button.tsx';
import { TextField } from '../ui/Field.tsx';
import { ErrorNotice } from '../ui/Notice.tsx';
import { Switch } from '../ui/Switch.tsx';
import { useTask } from '../ui/useTask.ts';
import { Card } from './Page.tsx';

interface SdsCardProps {
  sds: SdsSettings;
  change: (what: SettingsChange) => Promise<void>;
}

export function SdsCard({ sds, change }: SdsCardProps) {
  const [draft, setDraft] = useState({
    secret: '',
    issuer: sds.issuer ?? '',
    persist: sds.persist,
    storeBytes: textOf(sds.store_bytes),
    retentionDays: textOf(sds.retention_days),
  });
  const save = useTask(() =>
    change({
      sds: {
        ...(draft.secret !== '' && { secret: draft.secret }),
        issuer: draft.issuer.trim() || null,
        persist: draft.persist,
        store_bytes: numberOf(draft.storeBytes),
        retention_days: numberOf(draft.retentionDays),
      },
    }),
  );
  const edit = (part: Partial<typeof draft>) => {
    setDraft((now) => ({ ...now, ...part }));
  };
  return (
    <Card
      title="Stores (SDS)"
      lead={sds.configured ? 'Stores are on.' : 'Stores are off until there is a secret.'}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        <div className="fields">
          <TextField
            label={sds.configured ? 'New secret' : 'Secret'}
            type="password"
            minLength={32}
            autoComplete="new-password"
            required={!sds.configured}
            help="At least 32 characters. Clients’ tokens are signed with it."
            placeholder={sds.configured ? 'Leave it as it is' : ''}
            value={draft.secret}
            onChange={(event) => {
              edit({ secret: event.target.value });
            }}
          />
          <TextField
            label="Issuer"
            help="If set, tokens must name it as iss."
            placeholder="Any"
            value={draft.issuer}
            onChange={(event) => {
              edit({ issuer: event.target.value });
            }}
          />
          <TextField
            label="Bytes of a store"
            inputMode="numeric"
            pattern="[0-9]*"
            placeholder="The default"
            value={draft.storeBytes}
            onChange={(event) => {
              edit({ storeBytes: event.target.value });
            }}
          />
          <TextField
            label="Days that a store is kept unused"
            inputMode="numeric"
            pattern="[0-9]*"
            placeholder="For ever"
            value={draft.retentionDays}
            onChange={(event) => {
              edit({ retentionDays: event.target.value });
            }}
          />
        </div>
        <Switch
          label="Keep stores on disk"
          help="Without it, a client that comes late gets what others who are online have."
          checked={draft.persist}
          onChange={(persist) => {
            edit({ persist });
          }}
        />
        {save.error !== null && <ErrorNotice error={save.error} />}
        <div className="row row-end">
          <Button look="primary" type="submit" busy={save.isRunning}>
            Save stores
          </Button>
        </div>
      </form>
    </Card>
  );
}

function textOf(value: number | null): string {
  return value === null ? '' : String(value);
}

function numberOf(text: string): number | null {
  return text.trim() === '' ? null : Number(text);
}
