import { initials, safeColor, safeName } from '../person.ts';

interface AvatarProps {
  name: unknown;
  color: unknown;
  size?: 'small' | 'large';
}

export function Avatar({ name, color, size = 'small' }: AvatarProps) {
  return (
    <span
      className={`avatar avatar-${size}`}
      style={{ background: safeColor(color) }}
      // Drawn by the style: initials are a picture of the name that stands beside them.
      data-initials={initials(safeName(name))}
      aria-hidden
    />
  );
}
