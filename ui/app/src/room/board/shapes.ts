import * as Y from 'yjs';

/** Things on the board, in a map of the room's document: by id, each a map of its fields. */
const BOX_KINDS = ['note', 'rectangle', 'ellipse'] as const;
export type BoxKind = (typeof BOX_KINDS)[number];

export const PAINTS = ['ink', 'teal', 'violet', 'pink', 'amber', 'green'] as const;
export type Paint = (typeof PAINTS)[number];

interface Common {
  id: string;
  paint: Paint;
  x: number;
  y: number;
  /** Higher lies above lower. */
  layer: number;
}

export interface Box extends Common {
  kind: BoxKind;
  width: number;
  height: number;
  text: string;
}

/** From its place to `dx`, `dy` beside it. */
export interface Arrow extends Common {
  kind: 'arrow';
  dx: number;
  dy: number;
}

/** A line drawn by hand: x and y by turns, beside its place. */
export interface Stroke extends Common {
  kind: 'stroke';
  points: readonly number[];
}

export type Shape = Box | Arrow | Stroke;
export type NewShape =
  Omit<Box, 'id' | 'layer'> | Omit<Arrow, 'id' | 'layer'> | Omit<Stroke, 'id' | 'layer'>;

export interface Point {
  x: number;
  y: number;
}

/** Boards stay sane whatever a client writes into them. */
const FARTHEST = 100_000;
const LARGEST = 20_000;
const SMALLEST = 24;
/** Coordinates of a stroke. */
export const MOST_POINTS = 4_000;
const LONGEST_TEXT = 2_000;

type Fields = Record<string, unknown>;

/** @returns null for what isn't a shape, such as one of a later version */
export function readShape(id: string, fields: Fields): Shape | null {
  const common = {
    id,
    paint: PAINTS.find((paint) => paint === fields['paint']) ?? 'ink',
    x: bounded(fields['x'], -FARTHEST, FARTHEST),
    y: bounded(fields['y'], -FARTHEST, FARTHEST),
    layer: bounded(fields['layer'], -1e9, 1e9),
  };
  const { kind } = fields;
  const box = BOX_KINDS.find((one) => one === kind);
  if (box !== undefined) {
    const width = bounded(fields['width'], SMALLEST, LARGEST);
    const height = bounded(fields['height'], SMALLEST, LARGEST);
    const text = typeof fields['text'] === 'string' ? fields['text'].slice(0, LONGEST_TEXT) : '';
    return { ...common, kind: box, width, height, text };
  }
  if (kind === 'arrow') {
    const dx = bounded(fields['dx'], -LARGEST, LARGEST);
    return { ...common, kind, dx, dy: bounded(fields['dy'], -LARGEST, LARGEST) };
  }
  if (kind !== 'stroke' || !Array.isArray(fields['points'])) return null;
  const points = fields['points'].slice(0, MOST_POINTS).map((at) => bounded(at, -LARGEST, LARGEST));
  return points.length < 4 ? null : { ...common, kind, points };
}

function bounded(value: unknown, least: number, most: number): number {
  const number = typeof value === 'number' && Number.isFinite(value) ? value : 0;
  return Math.min(most, Math.max(least, number));
}

export type ShapeMap = Y.Map<Y.Map<unknown>>;

export function readShapes(map: ShapeMap): Shape[] {
  const shapes: Shape[] = [];
  for (const [id, fields] of map) {
    if (!(fields instanceof Y.Map)) continue;
    const shape = readShape(id, fields.toJSON());
    if (shape !== null) shapes.push(shape);
  }
  return shapes.sort((a, b) => a.layer - b.layer || (a.id < b.id ? -1 : 1));
}

export interface Bounds extends Point {
  width: number;
  height: number;
}

export function boundsOf(shape: Shape): Bounds {
  if (shape.kind === 'arrow') {
    const { x, y, dx, dy } = shape;
    return {
      x: x + Math.min(dx, 0),
      y: y + Math.min(dy, 0),
      width: Math.abs(dx),
      height: Math.abs(dy),
    };
  }
  if (shape.kind !== 'stroke') return shape;
  const xs = shape.points.filter((_, index) => index % 2 === 0);
  const ys = shape.points.filter((_, index) => index % 2 === 1);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return {
    x: shape.x + left,
    y: shape.y + top,
    width: Math.max(...xs) - left,
    height: Math.max(...ys) - top,
  };
}

/** What holds everything; null for an empty board. */
export function boundsOfAll(shapes: readonly Shape[]): Bounds | null {
  if (shapes.length === 0) return null;
  const all = shapes.map(boundsOf);
  const x = Math.min(...all.map((one) => one.x));
  const y = Math.min(...all.map((one) => one.y));
  const right = Math.max(...all.map((one) => one.x + one.width));
  const bottom = Math.max(...all.map((one) => one.y + one.height));
  return { x, y, width: right - x, height: bottom - y };
}

const KIND_NAMES = {
  note: 'Sticky note',
  rectangle: 'Rectangle',
  ellipse: 'Ellipse',
  arrow: 'Arrow',
  stroke: 'Drawing',
} as const;

/** What a screen reader says. */
export function nameOf(shape: Shape): string {
  const text = 'text' in shape ? shape.text.trim() : '';
  return text === '' ? KIND_NAMES[shape.kind] : `${KIND_NAMES[shape.kind]}: ${text}`;
}
