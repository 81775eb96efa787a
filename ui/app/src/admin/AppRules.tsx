import type { App, AppChange, Durability } from '../api/types.ts';
import { Select } from '../ui/Field.tsx';
import { ErrorNotice } from '../ui/Notice.tsx';
import { Switch } from '../ui/Switch.tsx';
import { useTask } from '../ui/useTask.ts';
import { Card } from './Page.tsx';

const DURABILITIES = [
  ['server', 'As the server'],
  ['relay-first', 'Relay first: fastest'],
  ['write-first', 'Write first: safest'],
] as const;

interface AppRulesProps {
  app: App;
  change: (what: AppChange) => Promise<void>;
}

export function AppRules({ app, change }: AppRulesProps) {
  const save = useTask(change);
  return (
    <Card title="Rules">
      <Switch
        label="Only app tokens"
        help="The master token opens nothing here. Whoever came in by it is disconnected."
        checked={app.require_app_token}
        disabled={save.isRunning}
        onChange={(on) => void save.run({ require_app_token: on })}
      />
      <Select<Durability | 'server'>
        label="Durability"
        help="Relay first sends an edit on at once and writes it within 50 ms. Write first sends it on once it is on disk."
        value={app.durability ?? 'server'}
        options={DURABILITIES}
        disabled={save.isRunning}
        onChange={(value) => void save.run({ durability: value === 'server' ? null : value })}
      />
      {save.error !== null && <ErrorNotice error={save.error} />}
    </Card>
  );
}
