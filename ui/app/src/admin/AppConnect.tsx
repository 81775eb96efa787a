import { useCallback, useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import { formatDate } from '../ui/format.ts';
import { Button } from '../ui/Button.tsx';
import { CopyField } from '../ui/Copy.tsx';
import { ErrorNotice, Notice } from '../ui/Notice.tsx';
import { useLive } from '../ui/useLive.ts';
import { useTask } from '../ui/useTask.ts';
import { Card } from './Page.tsx';
import { forgetSecret, freshSecret } from './secrets.ts';
import { AppSnippets } from './SnippetTabs.tsx';

const TRIAL_SECONDS = 30 * 86_400;

/** Code that works as it is: at once for a new app, at a press of a button for others. */
export function AppConnect({ owner, appId }: { owner: OwnerApi; appId: string }) {
  const [secret, setSecret] = useState(() => freshSecret(appId));
  return (
    <>
      {secret !== null && (
        <NewSecret
          secret={secret}
          onKept={() => {
            forgetSecret(appId);
            setSecret(null);
          }}
        />
      )}
      <Card
        title="Connect"
        lead="Paste this into the app. The token in it opens all of the app’s rooms for 30 days."
      >
        {secret === null ? (
          <OnDemand owner={owner} appId={appId} />
        ) : (
          <AtOnce owner={owner} appId={appId} />
        )}
      </Card>
    </>
  );
}

function NewSecret({ secret, onKept }: { secret: string; onKept: () => void }) {
  return (
    <Notice
      tone="warn"
      title="The app’s secret is shown this once"
      actions={<Button onClick={onKept}>I have kept it</Button>}
    >
      <p>Your backend signs tokens for users with it. If you need none, forget it.</p>
      <CopyField label="Secret of the app" action="Copy secret" text={secret} />
    </Notice>
  );
}

function trial(owner: OwnerApi, appId: string) {
  const request = { sub: 'trial', aud: '*', scope: 'write', expires_in: TRIAL_SECONDS } as const;
  return owner.issueToken(appId, request);
}

function AtOnce({ owner, appId }: { owner: OwnerApi; appId: string }) {
  const issue = useCallback(() => trial(owner, appId), [owner, appId]);
  const { value, error } = useLive(issue, null);
  if (error !== null) return <ErrorNotice error={error} />;
  return <AppSnippets token={value?.token ?? '…'} />;
}

function OnDemand({ owner, appId }: { owner: OwnerApi; appId: string }) {
  const [issued, setIssued] = useState<{ token: string; expires_at: number } | null>(null);
  const issue = useTask(async () => {
    setIssued(await trial(owner, appId));
  });
  if (issued === null) {
    return (
      <div className="row">
        <Button look="primary" busy={issue.isRunning} onClick={() => void issue.run()}>
          Show the code with a token
        </Button>
        {issue.error !== null && <ErrorNotice error={issue.error} />}
      </div>
    );
  }
  return (
    <>
      <AppSnippets token={issued.token} />
      <p className="soft small">The token is good until {formatDate(issued.expires_at)}.</p>
    </>
  );
}
