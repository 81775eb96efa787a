import { Toolbar } from '@base-ui/react/toolbar';
import { BringToFront, Trash2, Type } from 'lucide-react';
import { IconButton } from '../../ui/Button.tsx';
import type { BoardModel } from './BoardModel.ts';
import { PaintButtons } from './PaintButtons.tsx';
import { boundsOf } from './shapes.ts';
import type { Shape } from './shapes.ts';
import type { Viewport } from './viewport.ts';

interface SelectionBarProps {
  shape: Shape;
  model: BoardModel;
  view: Viewport;
  onEdit: (id: string) => void;
  onGone: () => void;
}

/** What can be done with what is selected, above it. */
export function SelectionBar({ shape, model, view, onEdit, onGone }: SelectionBarProps) {
  const { x, y, width } = boundsOf(shape);
  const left = (x + width / 2 - view.x) * view.zoom;
  const top = (y - view.y) * view.zoom - 14;
  return (
    <div className="selection-place" style={{ left: `${String(left)}px`, top: `${String(top)}px` }}>
      <Toolbar.Root className="selection-bar" aria-label="Selected item">
        <PaintButtons
          paint={shape.paint}
          onPaint={(paint) => {
            model.beginStep();
            model.change(shape.id, { paint });
          }}
        />
        <Toolbar.Separator className="board-tools-line" />
        {'text' in shape && (
          <Toolbar.Button
            render={
              <IconButton
                icon={Type}
                label="Edit the text"
                onClick={() => {
                  onEdit(shape.id);
                }}
              />
            }
          />
        )}
        <Toolbar.Button
          render={
            <IconButton
              icon={BringToFront}
              label="Bring to the front"
              onClick={() => {
                model.raise(shape.id);
              }}
            />
          }
        />
        <Toolbar.Button
          render={
            <IconButton
              icon={Trash2}
              label="Delete"
              onClick={() => {
                model.remove(shape.id);
                onGone();
              }}
            />
          }
        />
      </Toolbar.Root>
    </div>
  );
}
