import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { explain, isMissing } from '../api/errors.ts';

type Tone = 'info' | 'good' | 'warn' | 'bad';

const ICONS: Record<Tone, LucideIcon> = {
  info: Info,
  good: CircleCheck,
  warn: TriangleAlert,
  bad: CircleAlert,
};

interface NoticeProps {
  tone: Tone;
  title?: string;
  children?: ReactNode;
  actions?: ReactNode;
}

export function Notice({ tone, title, children, actions }: NoticeProps) {
  const Icon = ICONS[tone];
  return (
    <div className={`notice notice-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon size={18} aria-hidden />
      <div className="notice-text">
        {title !== undefined && <strong>{title}</strong>}
        {children !== undefined && <div>{children}</div>}
      </div>
      {actions}
    </div>
  );
}

export function ErrorNotice({ error, actions }: { error: unknown; actions?: ReactNode }) {
  const { title, advice } = explain(error);
  return (
    <Notice tone={isMissing(error) ? 'info' : 'bad'} title={title} actions={actions}>
      {advice}
    </Notice>
  );
}

interface EmptyProps {
  icon: LucideIcon;
  title: string;
  /** What to do next. */
  children: ReactNode;
  action?: ReactNode;
}

export function Empty({ icon: Icon, title, children, action }: EmptyProps) {
  return (
    <div className="empty">
      <span className="empty-icon">
        <Icon size={24} aria-hidden />
      </span>
      <strong>{title}</strong>
      <p className="soft">{children}</p>
      {action}
    </div>
  );
}
