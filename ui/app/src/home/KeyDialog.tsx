import { Dialog } from '../ui/Dialog.tsx';
import { KeyForm } from '../KeyForm.tsx';

/** For whoever came to the bare address: rooms are made by those whom the server knows. */
export function KeyDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog
      title="Who are you to this server?"
      description="New rooms are made by its owner, and by whoever the owner gave a token. To enter a room, its link is enough."
      open={open}
      onClose={onClose}
    >
      <KeyForm onAccepted={onClose} />
    </Dialog>
  );
}
