import { useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import type { App, AppSecret } from '../api/types.ts';
import { Button } from '../ui/Button.tsx';
import { CopyField } from '../ui/Copy.tsx';
import { Select } from '../ui/Field.tsx';
import { formatDate } from '../ui/format.ts';
import { ErrorNotice, Notice } from '../ui/Notice.tsx';
import { say } from '../ui/toast.tsx';
import { useTask } from '../ui/useTask.ts';
import { ConfirmDialog } from './ConfirmDialog.tsx';
import { Card } from './Page.tsx';

const OVERLAPS = [
  ['0', 'Not at all'],
  ['3600', 'An hour'],
  ['86400', 'A day'],
  ['604800', 'A week'],
] as const;

interface AppSecretsProps {
  owner: OwnerApi;
  app: App;
  onChanged: () => void;
}

export function AppSecrets({ owner, app, onChanged }: AppSecretsProps) {
  const [overlap, setOverlap] = useState<string>('86400');
  const [secret, setSecret] = useState<string | null>(null);
  const [revoked, setRevoked] = useState<AppSecret | null>(null);
  const rotate = useTask(async () => {
    const made = await owner.rotateSecret(app.app_id, Number(overlap));
    setSecret(made.secret);
    onChanged();
  });
  const revoke = async () => {
    if (revoked === null) return;
    await owner.revokeSecret(app.app_id, revoked.id);
    say('The secret is revoked. Whoever came in by it is out.');
    onChanged();
  };
  return (
    <Card title="Secrets" lead="They sign tokens for users. A new one takes over at once.">
      <ul className="lines">
        {app.secrets.map((one) => (
          <li key={one.id} className="spread">
            <span>
              Secret {one.id}
              <span className="soft small"> · made {formatDate(one.created_at)}</span>
              {one.expires_at !== null && (
                <span className="chip chip-warn">ends {formatDate(one.expires_at)}</span>
              )}
            </span>
            <Button
              look="danger"
              onClick={() => {
                setRevoked(one);
              }}
            >
              Revoke secret {one.id}
            </Button>
          </li>
        ))}
      </ul>
      {secret !== null && (
        <Notice tone="warn" title="The new secret is shown this once">
          <CopyField label="New secret" action="Copy secret" text={secret} />
        </Notice>
      )}
      {rotate.error !== null && <ErrorNotice error={rotate.error} />}
      <div className="inline-form">
        <Select
          label="Earlier ones stay good for"
          value={overlap}
          onChange={setOverlap}
          options={OVERLAPS}
        />
        <Button busy={rotate.isRunning} onClick={() => void rotate.run()}>
          Make a new secret
        </Button>
      </div>
      <ConfirmDialog
        title={`Revoke secret ${String(revoked?.id ?? '')}?`}
        open={revoked !== null}
        action="Revoke"
        onClose={() => {
          setRevoked(null);
        }}
        onConfirm={revoke}
      >
        Every token that it signed stops working at once, and whoever came in by one is
        disconnected.
      </ConfirmDialog>
    </Card>
  );
}
