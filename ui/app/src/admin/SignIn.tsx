import { useState } from 'react';
import { ApiError } from '../api/errors.ts';
import { signIn } from '../owner.ts';
import { here } from '../place.ts';
import { Brand } from '../ui/Brand.tsx';
import { Button } from '../ui/Button.tsx';
import { TextField } from '../ui/Field.tsx';
import { ErrorNotice } from '../ui/Notice.tsx';
import { useTask } from '../ui/useTask.ts';

export function SignIn() {
  const [token, setToken] = useState('');
  const attempt = useTask(() => signIn(token.trim()));
  const isWrong =
    attempt.error instanceof ApiError &&
    (attempt.error.status === 401 || attempt.error.status === 403);
  return (
    <>
      <header className="topbar">
        <Brand />
      </header>
      <main id="main" tabIndex={-1} className="message-page">
        <form
          className="card stack"
          onSubmit={(event) => {
            event.preventDefault();
            void attempt.run();
          }}
        >
          <h1>Sign in to the console</h1>
          <TextField
            label="Admin token"
            type="password"
            required
            autoComplete="current-password"
            value={token}
            error={isWrong ? 'This is not the admin token. Check that you copied all of it.' : null}
            help="Kraken printed it when it first started. It is kept until you close this tab."
            onChange={(event) => {
              setToken(event.target.value);
              attempt.clearError();
            }}
          />
          {attempt.error !== null && !isWrong && <ErrorNotice error={attempt.error} />}
          {here.way === 'node' && (
            <p className="soft small">
              Is this your node? <a href="/login">Log in to it</a>, then come back: you need no
              token.
            </p>
          )}
          <Button look="primary" type="submit" busy={attempt.isRunning}>
            Sign in
          </Button>
          <p className="soft small">
            Lost it? Start Kraken with <code>KRAKEN_ADMIN_TOKEN</code> set to a token of your
            choice.
          </p>
        </form>
      </main>
    </>
  );
}
