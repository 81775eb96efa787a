import type { LucideIcon } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';

type Look = 'primary' | 'plain' | 'quiet' | 'danger';

interface ButtonProps extends ComponentProps<'button'> {
  look?: Look;
  icon?: LucideIcon;
  /** Something is under way that the button began. */
  busy?: boolean;
}

export function Button({ look = 'plain', icon: Icon, busy, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${look} ${rest.className ?? ''}`}
      disabled={rest.disabled === true || busy === true}
      aria-busy={busy}
    >
      {Icon && <Icon size={18} aria-hidden />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ComponentProps<'button'>, 'children'> {
  /** What it does, for everybody: shown on hover and focus, and read out. */
  label: string;
  icon: LucideIcon;
  look?: Look;
}

export function IconButton({ label, icon: Icon, look = 'quiet', ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      data-hint={label}
      {...rest}
      className={`button button-${look} button-icon ${rest.className ?? ''}`}
    >
      <Icon size={18} aria-hidden />
    </button>
  );
}

export function ButtonLink({
  look = 'plain',
  icon: Icon,
  children,
  ...rest
}: ComponentProps<'a'> & { look?: Look; icon?: LucideIcon; children: ReactNode }) {
  return (
    <a {...rest} className={`button button-${look} ${rest.className ?? ''}`}>
      {Icon && <Icon size={18} aria-hidden />}
      {children}
    </a>
  );
}
