import { useState } from 'react';
import type { App, AppChange } from '../api/types.ts';
import { Button } from '../ui/Button.tsx';
import { TextArea, TextField } from '../ui/Field.tsx';
import { ErrorNotice } from '../ui/Notice.tsx';
import { useTask } from '../ui/useTask.ts';
import { parseOrigins } from './origins.ts';
import { Card } from './Page.tsx';

interface AppDetailsProps {
  app: App;
  change: (what: AppChange) => Promise<void>;
}

export function AppDetails({ app, change }: AppDetailsProps) {
  const [draft, setDraft] = useState({
    name: app.name,
    origins: app.allowed_origins.join('\n'),
    description: app.description ?? '',
    email: app.owner_email ?? '',
  });
  const save = useTask(() =>
    change({
      name: draft.name.trim(),
      allowed_origins: parseOrigins(draft.origins),
      description: draft.description.trim() || null,
      owner_email: draft.email.trim() || null,
    }),
  );
  const edit = (part: Partial<typeof draft>) => {
    setDraft((now) => ({ ...now, ...part }));
  };
  return (
    <Card title="Details">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        <TextArea
          label="Addresses of its pages"
          help="One a line. Pages of an address that you remove are disconnected at once."
          value={draft.origins}
          onChange={(event) => {
            edit({ origins: event.target.value });
          }}
        />
        <div className="fields">
          <TextField
            label="Name"
            required
            value={draft.name}
            onChange={(event) => {
              edit({ name: event.target.value });
            }}
          />
          <TextField
            label="Contact"
            type="email"
            placeholder="dev@example.com"
            value={draft.email}
            onChange={(event) => {
              edit({ email: event.target.value });
            }}
          />
        </div>
        <TextField
          label="Description"
          placeholder="What it is for"
          value={draft.description}
          onChange={(event) => {
            edit({ description: event.target.value });
          }}
        />
        {save.error !== null && <ErrorNotice error={save.error} />}
        <div className="row row-end">
          <Button look="primary" type="submit" busy={save.isRunning}>
            Save details
          </Button>
        </div>
      </form>
    </Card>
  );
}
