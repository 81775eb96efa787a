import { useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import { keepNewAdminToken } from '../owner.ts';
import { Button } from '../ui/Button.tsx';
import { CopyField } from '../ui/Copy.tsx';
import { Notice } from '../ui/Notice.tsx';
import { ConfirmDialog } from './ConfirmDialog.tsx';
import { Card } from './Page.tsx';

type Kind = 'master' | 'admin';

const WORDS: Record<Kind, { name: string; help: string; warning: string }> = {
  master: {
    name: 'master token',
    help: 'Opens every app to that app’s own pages.',
    warning: 'Whoever is connected by the present one is disconnected, and needs the new one.',
  },
  admin: {
    name: 'admin token',
    help: 'Opens this console and the API.',
    warning: 'The present one stops working at once. This tab goes on with the new one.',
  },
};

export function CredentialsCard({ owner }: { owner: OwnerApi }) {
  const [asked, setAsked] = useState<Kind | null>(null);
  const [made, setMade] = useState<{ kind: Kind; token: string } | null>(null);
  const renew = async () => {
    if (asked === 'master') {
      const { master_token } = await owner.renewMaster();
      setMade({ kind: asked, token: master_token });
    } else if (asked === 'admin') {
      const { admin_token } = await owner.renewAdmin();
      setMade({ kind: asked, token: admin_token });
      keepNewAdminToken(admin_token);
    }
  };
  return (
    <Card title="Server tokens" lead="Kept as hashes: a lost one can only be replaced.">
      <ul className="lines">
        {(['master', 'admin'] as const).map((kind) => (
          <li key={kind} className="spread">
            <span>
              The {WORDS[kind].name}
              <span className="soft small"> · {WORDS[kind].help}</span>
            </span>
            <Button
              onClick={() => {
                setAsked(kind);
              }}
            >
              Renew the {WORDS[kind].name}
            </Button>
          </li>
        ))}
      </ul>
      {made !== null && (
        <Notice tone="warn" title={`The new ${WORDS[made.kind].name} is shown this once`}>
          <CopyField label={`New ${WORDS[made.kind].name}`} action="Copy token" text={made.token} />
        </Notice>
      )}
      <ConfirmDialog
        title={`Renew the ${WORDS[asked ?? 'master'].name}?`}
        action="Renew"
        open={asked !== null}
        onClose={() => {
          setAsked(null);
        }}
        onConfirm={renew}
      >
        {WORDS[asked ?? 'master'].warning}
      </ConfirmDialog>
    </Card>
  );
}
