import { ArrowLeft } from 'lucide-react';
import { useCallback } from 'react';
import type { OwnerApi } from '../api/client.ts';
import type { App, AppChange } from '../api/types.ts';
import { formatRoute } from '../route.ts';
import { plural } from '../ui/format.ts';
import { say } from '../ui/toast.tsx';
import { useLive } from '../ui/useLive.ts';
import { AppConnect } from './AppConnect.tsx';
import { AppDetails } from './AppDetails.tsx';
import { AppRules } from './AppRules.tsx';
import { AppSecrets } from './AppSecrets.tsx';
import { DeleteApp } from './DeleteApp.tsx';
import { LimitsCard } from './LimitsCard.tsx';
import { Loaded, Page } from './Page.tsx';

const EVERY_MS = 5_000;

export function AppPage({ owner, appId }: { owner: OwnerApi; appId: string }) {
  const load = useCallback(() => owner.app(appId), [owner, appId]);
  const live = useLive(load, EVERY_MS);
  const change = async (what: AppChange) => {
    live.set(await owner.changeApp(appId, what));
    say('Saved. It holds at once.');
  };
  return (
    <div className="stack">
      <a className="back" href={formatRoute({ page: 'admin', section: 'apps' })}>
        <ArrowLeft size={16} aria-hidden /> Apps
      </a>
      <Page title={live.value?.name ?? appId} lead={<Facts app={live.value} appId={appId} />}>
        <Loaded live={live}>
          {(app) => (
            <>
              <AppConnect owner={owner} appId={appId} />
              <AppDetails
                key={`details ${JSON.stringify(detailsOf(app))}`}
                app={app}
                change={change}
              />
              <AppRules app={app} change={change} />
              <LimitsCard
                key={`limits ${JSON.stringify(app.limits)}`}
                scope="app"
                limits={app.limits}
                save={(limits) => change({ limits })}
              />
              <AppSecrets owner={owner} app={app} onChanged={live.refresh} />
              <DeleteApp owner={owner} app={app} />
            </>
          )}
        </Loaded>
      </Page>
    </div>
  );
}

function detailsOf({ name, allowed_origins, description, owner_email }: App) {
  return { name, allowed_origins, description, owner_email };
}

function Facts({ app, appId }: { app: App | null; appId: string }) {
  return (
    <>
      <code>{appId}</code>
      {app !== null &&
        ` · ${plural(app.connections, 'connection')} · ${plural(app.rooms, 'room')} in memory`}
    </>
  );
}
