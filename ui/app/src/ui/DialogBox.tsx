import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';

export interface DialogProps {
  title: string;
  description?: ReactNode;
  open: boolean;
  onClose: () => void;
  wide?: boolean;
  children: ReactNode;
}

/** Holds focus while it is open, and gives it back. */
export default function DialogBox({
  title,
  description,
  open,
  onClose,
  wide = false,
  children,
}: DialogProps) {
  return (
    <Base.Root
      open={open}
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <Base.Portal>
        <Base.Backdrop className="scrim" />
        <Base.Popup className={`dialog ${wide ? 'dialog-wide' : ''}`}>
          <header className="dialog-head">
            <Base.Title>{title}</Base.Title>
            <Base.Close className="button button-quiet button-icon" aria-label="Close">
              <X size={18} aria-hidden />
            </Base.Close>
          </header>
          {description !== undefined && (
            <Base.Description className="soft" render={<div />}>
              {description}
            </Base.Description>
          )}
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
