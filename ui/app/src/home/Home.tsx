import { Settings } from 'lucide-react';
import { useCallback } from 'react';
import { health } from '../api/client.ts';
import { useOwner } from '../owner.ts';
import { here } from '../place.ts';
import { Brand } from '../ui/Brand.tsx';
import { ButtonLink } from '../ui/Button.tsx';
import { ErrorNotice, Notice } from '../ui/Notice.tsx';
import { ThemeButton } from '../ui/ThemeButton.tsx';
import { useLive } from '../ui/useLive.ts';
import { useTitle } from '../ui/useTitle.ts';
import './home.css';
import { JoinForm } from './JoinForm.tsx';
import { Preview } from './Preview.tsx';
import { RecentRooms } from './RecentRooms.tsx';
import { StartButton } from './StartButton.tsx';

const HEALTH_EVERY_MS = 10_000;

export default function Home() {
  const owner = useOwner();
  useTitle(null);
  return (
    <div className="home">
      <header className="topbar">
        <Brand />
        <div className="row">
          <ThemeButton />
          <ButtonLink look="quiet" icon={Settings} href="#/admin">
            {owner === null ? 'Admin' : 'Console'}
          </ButtonLink>
        </div>
      </header>
      <main id="main" tabIndex={-1} className="home-main">
        <section className="hero">
          <div className="hero-words">
            <h1>Write, draw and talk in one room.</h1>
            <p className="hero-lead">
              A shared page, a board and calls for everybody with the link. What you write stays on
              this server.
            </p>
            <ServerState />
            <StartButton />
            <JoinForm />
          </div>
          <Preview />
        </section>
        <RecentRooms />
      </main>
    </div>
  );
}

/** Says so before anybody tries in vain. */
function ServerState() {
  const load = useCallback(() => health(here), []);
  const { value, error } = useLive(load, HEALTH_EVERY_MS);
  if (error !== null) return <ErrorNotice error={error} />;
  if (value === null || value.status === 'ok') return null;
  return (
    <Notice tone="warn" title={`The server says: ${value.status}`}>
      Rooms may not open until this passes. Its owner sees more in the console.
    </Notice>
  );
}
