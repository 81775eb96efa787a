import type { Bounds, Point } from './shapes.ts';

/** What part of the board is seen: the board's point in the corner, and pixels per unit. */
export interface Viewport extends Point {
  zoom: number;
}

export interface Size {
  width: number;
  height: number;
}

const LEAST_ZOOM = 0.15;
const MOST_ZOOM = 4;
const MARGIN = 48;

export function toBoard(view: Viewport, { x, y }: Point): Point {
  return { x: view.x + x / view.zoom, y: view.y + y / view.zoom };
}

export function panned(view: Viewport, dx: number, dy: number): Viewport {
  return { ...view, x: view.x - dx / view.zoom, y: view.y - dy / view.zoom };
}

/** Zooms so that what is under a point of the screen stays there. */
export function zoomed(view: Viewport, factor: number, at: Point): Viewport {
  const zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, view.zoom * factor));
  const fixed = toBoard(view, at);
  return { zoom, x: fixed.x - at.x / zoom, y: fixed.y - at.y / zoom };
}

export function centred(size: Size): Viewport {
  return { x: -size.width / 2, y: -size.height / 2, zoom: 1 };
}

export function fitted(bounds: Bounds, size: Size): Viewport {
  const room = { width: size.width - 2 * MARGIN, height: size.height - 2 * MARGIN };
  const wanted = Math.min(room.width / bounds.width, room.height / bounds.height, 1);
  const zoom = Math.max(LEAST_ZOOM, Number.isFinite(wanted) ? wanted : 1);
  return {
    zoom,
    x: bounds.x + bounds.width / 2 - size.width / 2 / zoom,
    y: bounds.y + bounds.height / 2 - size.height / 2 / zoom,
  };
}

export function centreOf(view: Viewport, size: Size): Point {
  return toBoard(view, { x: size.width / 2, y: size.height / 2 });
}
