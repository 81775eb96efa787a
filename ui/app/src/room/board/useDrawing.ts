import { useRef, useState } from 'react';
import type { Dispatch, PointerEvent, RefObject, SetStateAction } from 'react';
import type { Awareness } from 'y-protocols/awareness';
import type { BoardModel } from './BoardModel.ts';
import { MOST_POINTS } from './shapes.ts';
import type { NewShape, Paint, Point, Shape } from './shapes.ts';
import { simplifyTo } from './strokes.ts';
import { isPlaced, shapeBetween } from './tools.ts';
import { usePointerShown } from './usePointerShown.ts';
import type { Tool } from './tools.ts';
import { panned, toBoard } from './viewport.ts';
import type { Viewport } from './viewport.ts';

interface DrawingOptions {
  svg: RefObject<SVGSVGElement | null>;
  model: BoardModel;
  awareness: Awareness;
  view: Viewport;
  setView: Dispatch<SetStateAction<Viewport>>;
  tool: Tool;
  paint: Paint;
  added: (id: string, isTextFirst: boolean) => void;
  setSelected: (id: string | null) => void;
}

type Gesture =
  | { kind: 'pan'; last: Point }
  | { kind: 'draw'; from: Point; to: Point }
  | { kind: 'stroke'; points: number[] };

/** What a pointer does on the ground of the board: it draws, or moves the view. */
export function useDrawing(options: DrawingOptions) {
  const { svg, model, awareness, view, setView, tool, paint, added, setSelected } = options;
  const showPointer = usePointerShown(awareness);
  const gesture = useRef<Gesture | null>(null);
  const [draft, setDraft] = useState<Shape | null>(null);
  const [isPanning, setIsPanning] = useState(false);

  const pointOf = (event: PointerEvent): Point => {
    const { left = 0, top = 0 } = svg.current?.getBoundingClientRect() ?? {};
    return toBoard(view, { x: event.clientX - left, y: event.clientY - top });
  };

  const show = () => {
    const shape = drawn(gesture.current, tool, paint);
    setDraft(shape === null ? null : { ...shape, id: 'draft', layer: 0 });
  };

  const onPointerDown = (event: PointerEvent<SVGSVGElement>) => {
    if (event.button > 1) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const point = pointOf(event);
    setSelected(null);
    if (tool === 'select' || event.button === 1) {
      gesture.current = { kind: 'pan', last: { x: event.clientX, y: event.clientY } };
      setIsPanning(true);
    } else if (tool === 'stroke') {
      gesture.current = { kind: 'stroke', points: [point.x, point.y] };
    } else {
      gesture.current = { kind: 'draw', from: point, to: point };
    }
    show();
  };

  const onPointerMove = (event: PointerEvent<SVGSVGElement>) => {
    const point = pointOf(event);
    showPointer(point);
    const { current } = gesture;
    if (current === null) return;
    if (current.kind === 'pan') {
      const [dx, dy] = [event.clientX - current.last.x, event.clientY - current.last.y];
      current.last = { x: event.clientX, y: event.clientY };
      setView((now) => panned(now, dx, dy));
      return;
    }
    if (current.kind === 'stroke') current.points.push(point.x, point.y);
    else current.to = point;
    show();
  };

  const onPointerUp = () => {
    const shape = drawn(gesture.current, tool, paint);
    cancel();
    if (shape === null) return;
    const id = model.add(finished(shape));
    // Who draws by hand goes on drawing.
    if (shape.kind !== 'stroke') added(id, shape.kind === 'note');
  };

  const cancel = () => {
    gesture.current = null;
    setDraft(null);
    setIsPanning(false);
  };

  const onPointerLeave = () => {
    showPointer(null);
  };

  return {
    draft,
    isPanning,
    handlers: {
      onPointerDown,
      onPointerMove,
      onPointerUp,
      onPointerCancel: cancel,
      onPointerLeave,
    },
  };
}

function drawn(gesture: Gesture | null, tool: Tool, paint: Paint): NewShape | null {
  if (gesture?.kind === 'draw' && isPlaced(tool)) {
    return shapeBetween(tool, paint, gesture.from, gesture.to);
  }
  if (gesture?.kind !== 'stroke') return null;
  const [x = 0, y = 0] = gesture.points;
  const beside = gesture.points.map((at, index) => at - (index % 2 === 0 ? x : y));
  // A dot is a line to where it began.
  const points = beside.length === 2 ? [...beside, 0.5, 0.5] : beside;
  return { kind: 'stroke', paint, x: Math.round(x), y: Math.round(y), points };
}

/** What everybody keeps of a line is what matters of it. */
function finished(shape: NewShape): NewShape {
  if (shape.kind !== 'stroke') return shape;
  return { ...shape, points: simplifyTo(shape.points, MOST_POINTS) };
}
