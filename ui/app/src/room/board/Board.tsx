import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { Undo2, Redo2, Maximize, ZoomIn, ZoomOut } from 'lucide-react';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import { IconButton } from '../../ui/Button.tsx';
import './board.css';
import { BoardModel } from './BoardModel.ts';
import { BoardTools } from './BoardTools.tsx';
import { Pointers } from './Pointers.tsx';
import { SelectionBar } from './SelectionBar.tsx';
import { ShapeItem } from './ShapeItem.tsx';
import { ShapeView } from './ShapeView.tsx';
import { boundsOfAll } from './shapes.ts';
import type { Paint } from './shapes.ts';
import { isPlaced, shapeAt } from './tools.ts';
import type { Tool } from './tools.ts';
import { TextEditor } from './TextEditor.tsx';
import { useDrawing } from './useDrawing.ts';
import { useSize } from './useSize.ts';
import { useViewport } from './useViewport.ts';
import { centreOf, fitted } from './viewport.ts';

interface BoardProps {
  doc: Y.Doc;
  awareness: Awareness;
  canWrite: boolean;
}

export default function Board({ doc, awareness, canWrite }: BoardProps) {
  const model = useMemo(() => new BoardModel(doc), [doc]);
  const shapes = useSyncExternalStore(model.subscribe, () => model.shapes);
  const svg = useRef<SVGSVGElement>(null);
  const size = useSize(svg);
  const [view, setView, zoomBy] = useViewport(svg, size);
  const [chosenTool, setTool] = useState<Tool>('select');
  const [paint, setPaint] = useState<Paint>('teal');
  const [selected, setSelected] = useState<string | null>(null);
  const [editing, setEditing] = useState<string | null>(null);
  const tool = canWrite ? chosenTool : 'select';
  const selectedShape = shapes.find(({ id }) => id === selected) ?? null;
  const editedShape = shapes.find(({ id }) => id === editing) ?? null;

  const added = (id: string, isTextFirst: boolean) => {
    setTool('select');
    setSelected(id);
    if (isTextFirst) setEditing(id);
  };
  const drawing = useDrawing({
    svg,
    model,
    awareness,
    view,
    setView,
    tool,
    paint,
    added,
    setSelected,
  });
  useFocusOf(svg, selected, editing);

  /** Without a pointer, a shape is put in the middle of what is seen. */
  const place = (wanted: Tool) => {
    if (!isPlaced(wanted)) return;
    added(model.add(shapeAt(wanted, paint, centreOf(view, size))), wanted === 'note');
  };

  const fit = () => {
    const bounds = boundsOfAll(shapes);
    if (bounds !== null) setView(fitted(bounds, size));
  };

  const pressed = (event: React.KeyboardEvent) => {
    if (event.key === 'Escape') {
      setSelected(null);
      setTool('select');
    }
    if (!canWrite || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z') return;
    event.preventDefault();
    if (event.shiftKey) model.undoManager.redo();
    else model.undoManager.undo();
  };

  return (
    <div className="board" onKeyDown={pressed}>
      <svg
        ref={svg}
        className={`board-canvas tool-${tool} ${drawing.isPanning ? 'is-panning' : ''}`}
        role="group"
        aria-label={`Board, ${String(shapes.length)} items`}
        {...drawing.handlers}
      >
        <Grid />
        <g
          transform={`scale(${String(view.zoom)}) translate(${String(-view.x)} ${String(-view.y)})`}
        >
          {shapes.map((shape) => (
            <ShapeItem
              key={shape.id}
              shape={shape}
              model={model}
              zoom={view.zoom}
              isActive={tool === 'select'}
              isSelected={shape.id === selected}
              isEdited={shape.id === editing}
              canWrite={canWrite}
              onSelect={setSelected}
              onEdit={setEditing}
            />
          ))}
          {drawing.draft !== null && (
            <g
              className="shape is-draft"
              transform={`translate(${String(drawing.draft.x)} ${String(drawing.draft.y)})`}
            >
              <ShapeView shape={drawing.draft} />
            </g>
          )}
          {editedShape !== null && 'text' in editedShape && (
            <TextEditor
              box={editedShape}
              model={model}
              onDone={() => {
                setEditing(null);
              }}
            />
          )}
          <Pointers awareness={awareness} zoom={view.zoom} />
        </g>
      </svg>
      {canWrite && (
        <BoardTools tool={tool} onTool={setTool} onPlace={place} paint={paint} onPaint={setPaint} />
      )}
      {canWrite && selectedShape !== null && editedShape === null && (
        <SelectionBar
          shape={selectedShape}
          model={model}
          view={view}
          onEdit={setEditing}
          onGone={() => {
            setSelected(null);
          }}
        />
      )}
      <div className="board-corner" role="group" aria-label="View">
        {canWrite && (
          <>
            <IconButton icon={Undo2} label="Undo" onClick={() => model.undoManager.undo()} />
            <IconButton icon={Redo2} label="Redo" onClick={() => model.undoManager.redo()} />
          </>
        )}
        <IconButton
          icon={ZoomOut}
          label="Zoom out"
          onClick={() => {
            zoomBy(1 / 1.25);
          }}
        />
        <IconButton
          icon={ZoomIn}
          label="Zoom in"
          onClick={() => {
            zoomBy(1.25);
          }}
        />
        <IconButton
          icon={Maximize}
          label="Show everything"
          disabled={shapes.length === 0}
          onClick={fit}
        />
      </div>
      {shapes.length === 0 && drawing.draft === null && (
        <p className="board-empty">
          {canWrite
            ? 'Pick a pen or a note and put the first thing on the board.'
            : 'Nobody has put anything on the board yet.'}
        </p>
      )}
    </div>
  );
}

function Grid() {
  return (
    <>
      <defs>
        <pattern id="board-dots" width="26" height="26" patternUnits="userSpaceOnUse">
          <circle cx="2" cy="2" r="1.1" className="board-dot" />
        </pattern>
      </defs>
      <rect className="board-ground" width="100%" height="100%" fill="url(#board-dots)" />
    </>
  );
}

/** What was just added, or edited, is where the keyboard is. */
function useFocusOf(
  svg: React.RefObject<SVGSVGElement | null>,
  selected: string | null,
  editing: string | null,
): void {
  useEffect(() => {
    if (selected === null || editing !== null) return;
    svg.current?.querySelector<SVGElement>(`[data-shape="${CSS.escape(selected)}"]`)?.focus();
  }, [svg, selected, editing]);
}
