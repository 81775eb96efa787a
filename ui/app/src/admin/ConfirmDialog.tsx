import { useState } from 'react';
import type { ReactNode } from 'react';
import { Button } from '../ui/Button.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { TextField } from '../ui/Field.tsx';
import { ErrorNotice } from '../ui/Notice.tsx';
import { useTask } from '../ui/useTask.ts';

interface ConfirmDialogProps {
  title: string;
  /** What comes of it. */
  children: ReactNode;
  action: string;
  /** What must be typed, where something is lost for good. */
  phrase?: string;
  open: boolean;
  onClose: () => void;
  onConfirm: () => Promise<void>;
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, children, action, phrase, open, onClose, onConfirm } = props;
  const [typed, setTyped] = useState('');
  const confirm = useTask(onConfirm);
  const close = () => {
    setTyped('');
    confirm.clearError();
    onClose();
  };
  const isSure = phrase === undefined || typed === phrase;
  return (
    <Dialog title={title} description={children} open={open} onClose={close}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm.run().then((isDone) => {
            if (isDone) close();
          });
        }}
      >
        {phrase !== undefined && (
          <TextField
            label={`Type ${phrase} to go on`}
            value={typed}
            onChange={(event) => {
              setTyped(event.target.value);
            }}
          />
        )}
        {confirm.error !== null && <ErrorNotice error={confirm.error} />}
        <div className="row row-end">
          <Button onClick={close}>Cancel</Button>
          <Button look="danger" type="submit" disabled={!isSure} busy={confirm.isRunning}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
