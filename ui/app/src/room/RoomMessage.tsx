import type { ReactNode } from 'react';
import { Brand } from '../ui/Brand.tsx';

/** In place of a room that isn't open. */
export function RoomMessage({ title, children }: { title: string; children: ReactNode }) {
  return (
    <>
      <header className="topbar">
        <Brand />
      </header>
      <main id="main" tabIndex={-1} className="message-page">
        <div className="card stack">
          <h1>{title}</h1>
          {children}
        </div>
      </main>
    </>
  );
}
