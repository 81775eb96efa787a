import { lazy } from 'react';
import type { ComponentType, LazyExoticComponent } from 'react';

const PAUSE_MS = 1_500;

/**
 * A component that the first view does without. It is loaded soon after, all the same: when it is
 * wanted, the server may be away.
 */
export function lazySoon<P>(
  load: () => Promise<{ default: ComponentType<P> }>,
): LazyExoticComponent<ComponentType<P>> {
  setTimeout(() => {
    // If that fails, it is tried again when the component is wanted.
    load().catch(() => undefined);
  }, PAUSE_MS);
  return lazy(load);
}
