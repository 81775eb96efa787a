import { useState } from 'react';
import { ApiError } from './api/errors.ts';
import { acceptsGuest } from './api/guest.ts';
import { guestToken, signIn } from './owner.ts';
import { Button } from './ui/Button.tsx';
import { TextField } from './ui/Field.tsx';
import { ErrorNotice } from './ui/Notice.tsx';
import { useTask } from './ui/useTask.ts';

/** Takes a token of any kind, and finds out by itself what it is good for. */
export function KeyForm({ onAccepted }: { onAccepted: () => void }) {
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const check = useTask(async () => {
    setProblem(null);
    if (await take(token.trim())) onAccepted();
    else setProblem('This token opens nothing here. Check that you copied all of it.');
  });

  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void check.run();
      }}
    >
      <TextField
        label="Token"
        type="password"
        required
        autoFocus
        value={token}
        error={problem}
        help="The admin token is printed when Kraken first starts. It is kept until you close this tab."
        onChange={(event) => {
          setToken(event.target.value);
        }}
      />
      {check.error !== null && <ErrorNotice error={check.error} />}
      <div className="row row-end">
        <Button look="primary" type="submit" busy={check.isRunning} disabled={token.trim() === ''}>
          Continue
        </Button>
      </div>
    </form>
  );
}

async function take(token: string): Promise<boolean> {
  try {
    await signIn(token);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError && (error.status === 401 || error.status === 403))) throw error;
  }
  if (!(await acceptsGuest(token))) return false;
  guestToken.set(token);
  return true;
}
