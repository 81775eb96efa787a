import {
  Boxes,
  DoorOpen,
  Database,
  Gauge,
  KeyRound,
  LogOut,
  SlidersHorizontal,
} from 'lucide-react';
import type { LucideIcon } from 'lucide-react';
import type { OwnerApi } from '../api/client.ts';
import { isNodeLogin, signOut, useOwner } from '../owner.ts';
import { formatRoute } from '../route.ts';
import type { AdminSection, Route } from '../route.ts';
import { Brand } from '../ui/Brand.tsx';
import { ThemeButton } from '../ui/ThemeButton.tsx';
import { Toasts } from '../ui/toast.tsx';
import { useTitle } from '../ui/useTitle.ts';
import './admin.css';
import { AppPage } from './AppPage.tsx';
import { Apps } from './Apps.tsx';
import { Overview } from './Overview.tsx';
import { Rooms } from './Rooms.tsx';
import { Settings } from './Settings.tsx';
import { SignIn } from './SignIn.tsx';
import { Stores } from './Stores.tsx';
import { Tokens } from './Tokens.tsx';

type AdminRoute = Extract<Route, { page: 'admin' }>;

const SECTIONS: readonly { section: AdminSection; name: string; icon: LucideIcon }[] = [
  { section: 'overview', name: 'Overview', icon: Gauge },
  { section: 'apps', name: 'Apps', icon: Boxes },
  { section: 'rooms', name: 'Rooms', icon: DoorOpen },
  { section: 'stores', name: 'Stores', icon: Database },
  { section: 'tokens', name: 'Tokens', icon: KeyRound },
  { section: 'settings', name: 'Settings', icon: SlidersHorizontal },
];

export default function Admin({ route }: { route: AdminRoute }) {
  const owner = useOwner();
  const shown = route.section === 'app' ? 'apps' : route.section;
  const name = SECTIONS.find(({ section }) => section === shown)?.name ?? 'Console';
  useTitle(name);
  if (owner === null) return <SignIn />;
  return (
    <div className="admin">
      <header className="admin-side">
        <div className="admin-menu">
          <div className="admin-brand">
            <Brand />
            <ThemeButton />
          </div>
          <nav aria-label="Console" className="admin-nav">
            {SECTIONS.map(({ section, name, icon: Icon }) => (
              <a
                key={section}
                href={formatRoute({ page: 'admin', section })}
                aria-current={section === shown ? 'page' : undefined}
              >
                <Icon size={18} aria-hidden />
                {name}
              </a>
            ))}
            {!isNodeLogin() && (
              <button type="button" className="admin-out" onClick={signOut}>
                <LogOut size={18} aria-hidden />
                Sign out
              </button>
            )}
          </nav>
        </div>
      </header>
      <main id="main" tabIndex={-1} className="admin-main">
        <Section route={route} owner={owner} />
      </main>
      <Toasts />
    </div>
  );
}

function Section({ route, owner }: { route: AdminRoute; owner: OwnerApi }) {
  switch (route.section) {
    case 'overview':
      return <Overview owner={owner} />;
    case 'apps':
      return <Apps owner={owner} />;
    case 'app':
      return <AppPage key={route.appId} owner={owner} appId={route.appId} />;
    case 'rooms':
      return <Rooms owner={owner} />;
    case 'stores':
      return <Stores owner={owner} />;
    case 'tokens':
      return <Tokens owner={owner} />;
    case 'settings':
      return <Settings owner={owner} />;
  }
}
