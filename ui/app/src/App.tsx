import { Compass } from 'lucide-react';
import { Suspense, lazy, useEffect, useRef, useState } from 'react';
import { ErrorBoundary } from './ErrorBoundary.tsx';
import { useRoute } from './route.ts';
import type { Route } from './route.ts';
import { Brand } from './ui/Brand.tsx';
import { ButtonLink } from './ui/Button.tsx';
import { HintLayer } from './ui/HintLayer.tsx';
import { Empty, ErrorNotice } from './ui/Notice.tsx';

// Each view is loaded with what it alone needs.
const Home = lazy(() => import('./home/Home.tsx'));
const Room = lazy(() => import('./room/Room.tsx'));
const Admin = lazy(() => import('./admin/Admin.tsx'));

/** @param startProblem why the credentials in the address weren't taken */
export function App({ startProblem }: { startProblem: unknown }) {
  const route = useRoute();
  const problem = useUntilNextPage(startProblem, route);
  useFocusOnNewPage(route);
  return (
    <>
      <a className="skip" href="#main" onClick={skipToMain}>
        Skip to the content
      </a>
      {problem !== null && <ErrorNotice error={problem} />}
      <ErrorBoundary>
        <Suspense fallback={<Loading />}>
          <Page route={route} />
        </Suspense>
      </ErrorBoundary>
      <HintLayer />
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'home':
      return <Home />;
    case 'room':
      return <Room key={route.room} room={route.room} token={route.token} />;
    case 'admin':
      return <Admin route={route} />;
    case 'unknown':
      return <NotFound />;
  }
}

export function Loading() {
  return (
    <div className="boot" role="status">
      <span className="boot-mark" aria-hidden />
      <span className="visually-hidden">Loading</span>
    </div>
  );
}

function NotFound() {
  return (
    <>
      <header className="topbar">
        <Brand />
      </header>
      <main id="main" tabIndex={-1} className="message-page">
        <h1 className="visually-hidden">Page not found</h1>
        <Empty
          icon={Compass}
          title="There is nothing here"
          action={
            <ButtonLink look="primary" href="#/">
              Go home
            </ButtonLink>
          }
        >
          This address may be cut short. Ask for the link again, or start from home.
        </Empty>
      </main>
    </>
  );
}

/** The fragment is the route, so a link within the page would lead away from it. */
function skipToMain(event: React.MouseEvent): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

/** Tells screen readers, and the keyboard, that the page is another one now. */
function useFocusOnNewPage(route: Route): void {
  const place = route.page === 'admin' ? `admin/${route.section}` : route.page;
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    document.getElementById('main')?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place]);
}

function useUntilNextPage(problem: unknown, { page }: Route): unknown {
  const [first] = useState(page);
  return page === first ? problem : null;
}
