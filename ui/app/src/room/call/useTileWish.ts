import { useEffect } from 'react';
import type { RefObject } from 'react';
import type { Huddle } from './Huddle.ts';

/** Asks for a track in the size in which it is shown, and not at all while nobody sees it. */
export function useTileWish(
  huddle: Huddle,
  track: string | undefined,
  element: RefObject<HTMLElement | null>,
): void {
  useEffect(() => {
    const tile = element.current;
    if (track === undefined || tile === null) return;
    let isInView = true;
    const ask = () => {
      const enabled = isInView && document.visibilityState === 'visible';
      const { clientWidth, clientHeight } = tile;
      const width = Math.round(clientWidth * devicePixelRatio);
      huddle.receive(track, { enabled, width, height: Math.round(clientHeight * devicePixelRatio) });
    };
    const inView = new IntersectionObserver((entries) => {
      isInView = entries.at(-1)?.isIntersecting ?? isInView;
      ask();
    });
    const size = new ResizeObserver(ask);
    inView.observe(tile);
    size.observe(tile);
    document.addEventListener('visibilitychange', ask);
    return () => {
      inView.disconnect();
      size.disconnect();
      document.removeEventListener('visibilitychange', ask);
      huddle.receive(track, { enabled: false });
    };
  }, [huddle, track, element]);
}
