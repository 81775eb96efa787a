import { Suspense, useState } from 'react';
import type { DialogProps } from './DialogBox.tsx';
import { lazySoon } from './lazySoon.ts';

const DialogBox = lazySoon(() => import('./DialogBox.tsx'));

export function Dialog(props: DialogProps) {
  const [wasOpen, setWasOpen] = useState(false);
  if (props.open && !wasOpen) setWasOpen(true);
  if (!wasOpen) return null;
  return (
    <Suspense fallback={null}>
      <DialogBox {...props} />
    </Suspense>
  );
}
