import { useAwareness } from '@kraken/client/react-yjs';
import type { Awareness } from 'y-protocols/awareness';
import { safeColor, safeName } from '../../person.ts';

/** Where the others point. */
export function Pointers({ awareness, zoom }: { awareness: Awareness; zoom: number }) {
  const states = useAwareness({ awareness });
  return [...states].map(([client, state]) => {
    const { x, y } = (state['pointer'] ?? {}) as { x?: unknown; y?: unknown };
    if (client === awareness.clientID || !Number.isFinite(x) || !Number.isFinite(y)) return null;
    const { name, color } = (state['user'] ?? {}) as { name?: unknown; color?: unknown };
    const place = `translate(${String(x)} ${String(y)}) scale(${String(1 / zoom)})`;
    return (
      <g key={client} className="pointer" transform={place} aria-hidden>
        <path d="M0 0 5 16l3-6.5 6.5-2.5Z" fill={safeColor(color)} />
        <foreignObject className="pointer-label" x="11" y="15" width="1" height="1">
          <span className="pointer-name" style={{ background: safeColor(color) }}>
            {safeName(name)}
          </span>
        </foreignObject>
      </g>
    );
  });
}
