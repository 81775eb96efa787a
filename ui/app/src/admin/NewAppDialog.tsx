import { useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import { go } from '../route.ts';
import { Button } from '../ui/Button.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { TextArea, TextField } from '../ui/Field.tsx';
import { ErrorNotice } from '../ui/Notice.tsx';
import { useTask } from '../ui/useTask.ts';
import { appIdFrom, parseOrigins } from './origins.ts';
import { keepSecret } from './secrets.ts';

interface NewAppDialogProps {
  owner: OwnerApi;
  open: boolean;
  onClose: () => void;
}

export function NewAppDialog({ owner, open, onClose }: NewAppDialogProps) {
  const [name, setName] = useState('');
  const [typedId, setTypedId] = useState<string | null>(null);
  const [origins, setOrigins] = useState('');
  const appId = typedId ?? appIdFrom(name);
  const register = useTask(async () => {
    const { secret } = await owner.register({
      app_id: appId,
      name: name.trim(),
      allowed_origins: parseOrigins(origins),
    });
    keepSecret(appId, secret);
    go({ page: 'admin', section: 'app', appId });
  });
  return (
    <Dialog
      title="Register an app"
      description="Next, you get the code that connects it."
      open={open}
      onClose={onClose}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void register.run();
        }}
      >
        <TextField
          label="Name"
          placeholder="Field Notes"
          required
          autoFocus
          value={name}
          onChange={(event) => {
            setName(event.target.value);
          }}
        />
        <TextField
          label="Id"
          required
          pattern="[a-z0-9\-]{1,64}"
          title="1 to 64 small letters, digits and hyphens"
          help="Small letters, digits and hyphens. It can’t be changed later."
          value={appId}
          onChange={(event) => {
            setTypedId(event.target.value);
          }}
        />
        <TextArea
          label="Addresses of its pages"
          placeholder={'https://notes.example.com\nhttp://localhost:*'}
          help={
            <>
              One a line, such as <code>https://notes.example.com</code>, or{' '}
              <code>https://*.example.com</code> for all below. None if only programs use it.
            </>
          }
          value={origins}
          onChange={(event) => {
            setOrigins(event.target.value);
          }}
        />
        {register.error !== null && <ErrorNotice error={register.error} />}
        <div className="row row-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" busy={register.isRunning}>
            Register
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
