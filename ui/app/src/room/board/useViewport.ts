import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Dispatch, RefObject, SetStateAction } from 'react';
import { centred, panned, zoomed } from './viewport.ts';
import type { Size, Viewport } from './viewport.ts';

const ZOOM_PER_PIXEL = 1.0025;

/** The part of the board that is seen; wheels and trackpads move it. */
export function useViewport(
  svg: RefObject<SVGSVGElement | null>,
  size: Size,
): [Viewport, Dispatch<SetStateAction<Viewport>>, (factor: number) => void] {
  const [view, setView] = useState<Viewport>({ x: 0, y: 0, zoom: 1 });
  const isPlaced = useRef(false);
  useLayoutEffect(() => {
    if (isPlaced.current || size.width === 0) return;
    isPlaced.current = true;
    setView(centred(size));
  }, [size]);

  useEffect(() => {
    const { current } = svg;
    if (current === null) return;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) {
        const { left, top } = current.getBoundingClientRect();
        const at = { x: event.clientX - left, y: event.clientY - top };
        setView((now) => zoomed(now, ZOOM_PER_PIXEL ** -event.deltaY, at));
      } else {
        setView((now) => panned(now, -event.deltaX, -event.deltaY));
      }
    };
    // React's own wheel listeners may not keep the page from scrolling.
    current.addEventListener('wheel', wheel, { passive: false });
    return () => {
      current.removeEventListener('wheel', wheel);
    };
  }, [svg]);

  const zoomBy = useCallback(
    (factor: number) => {
      setView((now) => zoomed(now, factor, { x: size.width / 2, y: size.height / 2 }));
    },
    [size],
  );
  return [view, setView, zoomBy];
}
