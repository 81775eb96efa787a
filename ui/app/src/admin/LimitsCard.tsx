import { useState } from 'react';
import { Button } from '../ui/Button.tsx';
import { TextField } from '../ui/Field.tsx';
import { formatBytes, formatNumber } from '../ui/format.ts';
import { ErrorNotice } from '../ui/Notice.tsx';
import { useTask } from '../ui/useTask.ts';
import { LIMITS, parseLimits } from './limits.ts';
import { Card } from './Page.tsx';

interface LimitsCardProps {
  scope: 'app' | 'server';
  limits: Record<string, number>;
  save: (limits: Record<string, number>) => Promise<void>;
}

/** What is left empty has the default, which is shown in its place. */
export function LimitsCard({ scope, limits, save }: LimitsCardProps) {
  const shown = LIMITS.filter((limit) => scope === 'server' || !limit.isServerWide);
  const [draft, setDraft] = useState<Record<string, string>>(() =>
    Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, String(value)])),
  );
  const task = useTask(() => save(parseLimits(draft)));
  return (
    <Card
      title="Limits"
      lead={
        scope === 'app'
          ? 'Empty: the server’s limit.'
          : 'They hold for every app that has none of its own. Empty: the default.'
      }
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void task.run();
        }}
      >
        <div className="fields">
          {shown.map(({ name, label, standard, unit }) => (
            <TextField
              key={name}
              label={label}
              inputMode="numeric"
              pattern="[0-9]*"
              title="A whole number, or nothing"
              placeholder={String(standard)}
              help={helpOf(draft[name] ?? '', standard, unit)}
              value={draft[name] ?? ''}
              onChange={(event) => {
                setDraft((now) => ({ ...now, [name]: event.target.value.trim() }));
              }}
            />
          ))}
        </div>
        {task.error !== null && <ErrorNotice error={task.error} />}
        <div className="row row-end">
          <Button look="primary" type="submit" busy={task.isRunning}>
            Save limits
          </Button>
        </div>
      </form>
    </Card>
  );
}

function helpOf(typed: string, standard: number, unit: 'bytes' | 'count'): string {
  const value = typed === '' || !/^\d+$/.test(typed) ? standard : Number(typed);
  const words = unit === 'bytes' ? formatBytes(value) : formatNumber(value);
  return typed === '' ? `${words} if left empty` : words;
}
