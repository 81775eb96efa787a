import { useEffect, useMemo } from 'react';
import type { Awareness } from 'y-protocols/awareness';
import type { Point } from './shapes.ts';

/** Smooth enough to follow, and a fraction of what a mouse tells. */
const PAUSE_MS = 40;

/** Tells the others where this user points; null when it is elsewhere. */
export function usePointerShown(awareness: Awareness): (point: Point | null) => void {
  const shown = useMemo(() => new ShownPointer(awareness), [awareness]);
  useEffect(
    () => () => {
      shown.show(null);
    },
    [shown],
  );
  return shown.show;
}

class ShownPointer {
  readonly #awareness: Awareness;
  #latest: Point | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(awareness: Awareness) {
    this.#awareness = awareness;
  }

  readonly show = (point: Point | null): void => {
    this.#latest = point;
    if (point === null) this.#tell();
    else this.#timer ??= setTimeout(this.#tell, PAUSE_MS);
  };

  readonly #tell = (): void => {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // Whoever has left the room shows nothing any more.
    if (this.#awareness.getLocalState() === null) return;
    const { x, y } = this.#latest ?? {};
    const pointer =
      x === undefined || y === undefined ? null : { x: Math.round(x), y: Math.round(y) };
    this.#awareness.setLocalStateField('pointer', pointer);
  };
}
