import { Boxes, Plus } from 'lucide-react';
import { useCallback, useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import type { App } from '../api/types.ts';
import { formatRoute } from '../route.ts';
import { Button } from '../ui/Button.tsx';
import { plural } from '../ui/format.ts';
import { Empty } from '../ui/Notice.tsx';
import { useLive } from '../ui/useLive.ts';
import { NewAppDialog } from './NewAppDialog.tsx';
import { Loaded, Page } from './Page.tsx';

const EVERY_MS = 5_000;

export function Apps({ owner }: { owner: OwnerApi }) {
  const load = useCallback(() => owner.apps(), [owner]);
  const apps = useLive(load, EVERY_MS);
  const [isRegistering, setIsRegistering] = useState(false);
  const register = (
    <Button
      look="primary"
      icon={Plus}
      onClick={() => {
        setIsRegistering(true);
      }}
    >
      Register an app
    </Button>
  );
  return (
    <Page
      title="Apps"
      lead="Each has documents of its own, told apart by where its pages come from."
      actions={register}
    >
      <Loaded live={apps}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon={Boxes} title="No apps yet" action={register}>
              Register the first one: give it a name and the address of its pages, and copy the code
              that connects it.
            </Empty>
          ) : (
            <ul className="app-list">
              {all.map((app) => (
                <AppRow key={app.app_id} app={app} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <NewAppDialog
        key={String(isRegistering)}
        owner={owner}
        open={isRegistering}
        onClose={() => {
          setIsRegistering(false);
        }}
      />
    </Page>
  );
}

function AppRow({ app }: { app: App }) {
  const { app_id, name, allowed_origins, connections, rooms, require_app_token } = app;
  return (
    <li className="card app-row">
      <div>
        <a href={formatRoute({ page: 'admin', section: 'app', appId: app_id })}>{name}</a>
        <p className="soft small">
          <code>{app_id}</code>
          {allowed_origins.length > 0 && ` · ${allowed_origins.join(', ')}`}
        </p>
      </div>
      <div className="row">
        {app.being_deleted && <span className="chip chip-warn">being deleted</span>}
        {require_app_token && <span className="chip chip-accent">tokens only</span>}
        <span className="chip numeric">{plural(connections, 'connection')}</span>
        <span className="chip numeric">{plural(rooms, 'room')}</span>
      </div>
    </li>
  );
}
