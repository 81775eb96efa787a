import { Component } from 'react';
import type { ReactNode } from 'react';
import { messageOf } from './api/errors.ts';
import { Button } from './ui/Button.tsx';

/** A page that broke says so, and what was typed into rooms is safe. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <main className="message-page">
        <div className="card stack" role="alert">
          <h1>This page broke</h1>
          <p className="soft">
            Nothing that others could see is lost. Reload to go on; if it happens again, the server
            may have been updated, or your connection is cut.
          </p>
          <code>{messageOf(error)}</code>
          <div className="row">
            <Button
              look="primary"
              onClick={() => {
                location.reload();
              }}
            >
              Reload
            </Button>
          </div>
        </div>
      </main>
    );
  }
}
