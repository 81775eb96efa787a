import { Monitor, Moon, Sun } from 'lucide-react';
import { useEffect } from 'react';
import { Stored, useStored } from '../stored.ts';
import { IconButton } from './Button.tsx';

type Theme = 'system' | 'light' | 'dark';

/** `assets/theme.js` reads it before anything is painted. */
const theme = new Stored<Theme>('localStorage', 'theme', (value) =>
  value === 'light' || value === 'dark' ? value : 'system',
);

const LOOKS = {
  system: { icon: Monitor, label: 'Theme: as the system', next: 'light' },
  light: { icon: Sun, label: 'Theme: light', next: 'dark' },
  dark: { icon: Moon, label: 'Theme: dark', next: 'system' },
} as const;

export function ThemeButton({ className = '' }: { className?: string }) {
  const now = useStored(theme);
  useEffect(() => {
    const { dataset } = document.documentElement;
    if (now === 'system') delete dataset['theme'];
    else dataset['theme'] = now;
  }, [now]);
  const { icon, label, next } = LOOKS[now];
  return (
    <IconButton
      icon={icon}
      label={label}
      className={className}
      onClick={() => {
        theme.set(next);
      }}
    />
  );
}
