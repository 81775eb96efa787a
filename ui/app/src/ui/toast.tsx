import { Toast } from '@base-ui/react/toast';
import { X } from 'lucide-react';
import { explain } from '../api/errors.ts';

const manager = Toast.createToastManager();

/** Says that something is done. Read out politely. */
export function say(title: string): void {
  manager.add({ title, type: 'good' });
}

export function complain(error: unknown): void {
  const { title, advice } = explain(error);
  manager.add({ title, description: advice, type: 'bad', priority: 'high', timeout: 10_000 });
}

export function Toasts() {
  return (
    <Toast.Provider toastManager={manager}>
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={`toast toast-${toast.type ?? 'good'}`}>
      <Toast.Content className="toast-content">
        <Toast.Title className="toast-title" render={<strong />} />
        <Toast.Description render={<span />} />
      </Toast.Content>
      <Toast.Close className="button button-quiet button-icon" aria-label="Dismiss">
        <X size={16} aria-hidden />
      </Toast.Close>
    </Toast.Root>
  ));
}
