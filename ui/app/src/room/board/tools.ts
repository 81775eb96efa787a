import { Circle, MousePointer2, MoveUpRight, Pencil, Square, StickyNote } from 'lucide-react';
import type { LucideIcon } from 'lucide-react';
import type { NewShape, Paint, Point } from './shapes.ts';

export type Tool = 'select' | 'note' | 'rectangle' | 'ellipse' | 'arrow' | 'stroke';

export const TOOLS: readonly { tool: Tool; label: string; key: string; icon: LucideIcon }[] = [
  { tool: 'select', label: 'Select and move', key: 'V', icon: MousePointer2 },
  { tool: 'stroke', label: 'Draw', key: 'P', icon: Pencil },
  { tool: 'note', label: 'Sticky note', key: 'N', icon: StickyNote },
  { tool: 'rectangle', label: 'Rectangle', key: 'R', icon: Square },
  { tool: 'ellipse', label: 'Ellipse', key: 'O', icon: Circle },
  { tool: 'arrow', label: 'Arrow', key: 'A', icon: MoveUpRight },
];

/** Whether a shape can be put down without drawing it. */
export type PlacedTool = Exclude<Tool, 'select' | 'stroke'>;

export function isPlaced(tool: Tool): tool is PlacedTool {
  return tool !== 'select' && tool !== 'stroke';
}

const SIZES = {
  note: { width: 180, height: 140 },
  rectangle: { width: 180, height: 110 },
  ellipse: { width: 180, height: 110 },
};

/** A shape of the usual size, around a point. */
export function shapeAt(tool: PlacedTool, paint: Paint, { x, y }: Point): NewShape {
  if (tool === 'arrow') {
    return { kind: tool, paint, x: Math.round(x - 70), y: Math.round(y), dx: 140, dy: 0 };
  }
  const { width, height } = SIZES[tool];
  const at = { x: Math.round(x - width / 2), y: Math.round(y - height / 2) };
  return { kind: tool, paint, ...at, width, height, text: '' };
}

const CLICK = 6;

/** The shape that a drag from one point to another draws; a mere click puts one down. */
export function shapeBetween(tool: PlacedTool, paint: Paint, from: Point, to: Point): NewShape {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (Math.hypot(dx, dy) < CLICK || tool === 'note') {
    return shapeAt(tool, paint, tool === 'note' ? to : from);
  }
  if (tool === 'arrow') {
    const place = { x: Math.round(from.x), y: Math.round(from.y) };
    return { kind: tool, paint, ...place, dx: Math.round(dx), dy: Math.round(dy) };
  }
  return {
    kind: tool,
    paint,
    x: Math.round(Math.min(from.x, to.x)),
    y: Math.round(Math.min(from.y, to.y)),
    width: Math.max(24, Math.round(Math.abs(dx))),
    height: Math.max(24, Math.round(Math.abs(dy))),
    text: '',
  };
}
