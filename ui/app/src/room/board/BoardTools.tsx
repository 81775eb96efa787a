import { Toolbar } from '@base-ui/react/toolbar';
import { IconButton } from '../../ui/Button.tsx';
import { PaintButtons } from './PaintButtons.tsx';
import type { Paint } from './shapes.ts';
import { TOOLS } from './tools.ts';
import type { Tool } from './tools.ts';

interface BoardToolsProps {
  tool: Tool;
  onTool: (tool: Tool) => void;
  onPlace: (tool: Tool) => void;
  paint: Paint;
  onPaint: (paint: Paint) => void;
}

export function BoardTools({ tool, onTool, onPlace, paint, onPaint }: BoardToolsProps) {
  return (
    <Toolbar.Root className="board-tools" aria-label="Board tools">
      {TOOLS.map(({ tool: one, label, icon }) => (
        <Toolbar.Button
          key={one}
          render={
            <IconButton
              label={label}
              icon={icon}
              aria-pressed={one === tool}
              onClick={(event) => {
                // Whoever presses it by keyboard has no pointer to draw with.
                if (event.detail === 0) onPlace(one);
                else onTool(one);
              }}
            />
          }
        />
      ))}
      <Toolbar.Separator className="board-tools-line" />
      <PaintButtons paint={paint} onPaint={onPaint} />
    </Toolbar.Root>
  );
}
