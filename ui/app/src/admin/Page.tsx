import type { ReactNode } from 'react';
import { ErrorNotice } from '../ui/Notice.tsx';
import type { Live } from '../ui/useLive.ts';

interface PageProps {
  title: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, lead, actions, children }: PageProps) {
  return (
    <div className="stack-l">
      <div className="spread">
        <div>
          <h1>{title}</h1>
          {lead !== undefined && <p className="soft">{lead}</p>}
        </div>
        {actions}
      </div>
      {children}
    </div>
  );
}

interface LoadedProps<T> {
  live: Live<T>;
  children: (value: T) => ReactNode;
}

/** What the server answered, and what is wrong with asking it; neither hides the other. */
export function Loaded<T>({ live: { value, error }, children }: LoadedProps<T>) {
  return (
    <>
      {error !== null && <ErrorNotice error={error} />}
      {value !== null && children(value)}
      {value === null && error === null && <Skeleton />}
    </>
  );
}

function Skeleton() {
  return (
    <div className="skeleton" role="status">
      <span className="visually-hidden">Loading</span>
    </div>
  );
}

interface CardProps {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Card({ title, lead, actions, children }: CardProps) {
  return (
    <section className="card stack" aria-label={title}>
      <div className="spread">
        <div>
          <h2>{title}</h2>
          {lead !== undefined && <p className="soft small">{lead}</p>}
        </div>
        {actions}
      </div>
      {children}
    </section>
  );
}
