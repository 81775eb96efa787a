import { memo } from 'react';
import type { BoardModel, ShapeChange } from './BoardModel.ts';
import { ShapeView } from './ShapeView.tsx';
import { boundsOf, nameOf } from './shapes.ts';
import type { Shape } from './shapes.ts';

interface ShapeItemProps {
  shape: Shape;
  model: BoardModel;
  zoom: number;
  /** Whether shapes are picked, rather than drawn over. */
  isActive: boolean;
  isSelected: boolean;
  isEdited: boolean;
  canWrite: boolean;
  onSelect: (id: string) => void;
  onEdit: (id: string) => void;
}

const STEP = 10;
const SMALL_STEP = 1;
const DIRECTIONS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** One thing on the board: reached by Tab, moved by arrows, resized by Alt and arrows. */
export const ShapeItem = memo(function ShapeItem(props: ShapeItemProps) {
  const { shape, model, isActive, isSelected, isEdited, canWrite, onSelect, onEdit } = props;

  const pressed = (event: React.KeyboardEvent) => {
    if (!canWrite) return;
    const direction = DIRECTIONS[event.key];
    if (direction !== undefined) {
      event.preventDefault();
      const step = event.shiftKey ? SMALL_STEP : STEP;
      const [dx, dy] = [direction[0] * step, direction[1] * step];
      model.change(shape.id, event.altKey ? resized(shape, dx, dy) : moved(shape, dx, dy));
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      event.preventDefault();
      model.remove(shape.id);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (isSelected && 'text' in shape) onEdit(shape.id);
      else onSelect(shape.id);
    }
  };

  const drag = useDrag(props);
  return (
    <g
      className={`shape ${isSelected ? 'is-selected' : ''}`}
      transform={`translate(${String(shape.x)} ${String(shape.y)})`}
      data-shape={shape.id}
      role="button"
      tabIndex={0}
      aria-label={nameOf(shape)}
      aria-pressed={isSelected}
      aria-roledescription="board item"
      onKeyDown={pressed}
      onFocus={(event) => {
        if (event.target.matches(':focus-visible')) onSelect(shape.id);
      }}
      {...(isActive && drag(moved))}
      onDoubleClick={() => {
        if (canWrite && 'text' in shape) onEdit(shape.id);
      }}
    >
      <ShapeView shape={isEdited && 'text' in shape ? { ...shape, text: '' } : shape} />
      {isSelected && <Frame {...props} handle={canWrite && isActive ? drag(resized) : null} />}
    </g>
  );
});

type Handlers = ReturnType<ReturnType<typeof useDrag>>;

function Frame({ shape, zoom, handle }: ShapeItemProps & { handle: Handlers | null }) {
  const { x, y, width, height } = boundsOf(shape);
  const margin = 5 / zoom;
  const grip = 12 / zoom;
  const [left, top] = [x - shape.x - margin, y - shape.y - margin];
  const end = shape.kind === 'arrow' ? { x: shape.dx, y: shape.dy } : null;
  return (
    <>
      <rect
        className="shape-frame"
        x={left}
        y={top}
        width={width + 2 * margin}
        height={height + 2 * margin}
        rx={6 / zoom}
      />
      {handle !== null && shape.kind !== 'stroke' && (
        <rect
          className="shape-grip"
          x={(end?.x ?? width) + (end === null ? margin : 0) - grip / 2}
          y={(end?.y ?? height) + (end === null ? margin : 0) - grip / 2}
          width={grip}
          height={grip}
          rx={grip / 4}
          {...handle}
        />
      )}
    </>
  );
}

type Move = (shape: Shape, dx: number, dy: number) => ShapeChange;

/** Follows a pointer from where it was pressed until it is let go. */
function useDrag({ shape, model, zoom, canWrite, onSelect }: ShapeItemProps) {
  return (move: Move) => ({
    onPointerDown: (event: React.PointerEvent<SVGElement>) => {
      if (event.button !== 0) return;
      event.stopPropagation();
      onSelect(shape.id);
      if (!canWrite) return;
      const target = event.currentTarget;
      const { pointerId, clientX, clientY } = event;
      target.setPointerCapture(pointerId);
      model.beginStep();
      const follow = (now: PointerEvent) => {
        const [dx, dy] = [(now.clientX - clientX) / zoom, (now.clientY - clientY) / zoom];
        if (dx !== 0 || dy !== 0) model.change(shape.id, move(shape, dx, dy));
      };
      const end = () => {
        target.removeEventListener('pointermove', follow);
        target.removeEventListener('pointerup', end);
        target.removeEventListener('pointercancel', end);
      };
      target.addEventListener('pointermove', follow);
      target.addEventListener('pointerup', end);
      target.addEventListener('pointercancel', end);
    },
  });
}

function moved({ x, y }: Shape, dx: number, dy: number): ShapeChange {
  return { x: Math.round(x + dx), y: Math.round(y + dy) };
}

function resized(shape: Shape, dx: number, dy: number): ShapeChange {
  if (shape.kind === 'stroke') return {};
  if (shape.kind === 'arrow') {
    return { dx: Math.round(shape.dx + dx), dy: Math.round(shape.dy + dy) };
  }
  const least = 40;
  return {
    width: Math.max(least, Math.round(shape.width + dx)),
    height: Math.max(least, Math.round(shape.height + dy)),
  };
}
