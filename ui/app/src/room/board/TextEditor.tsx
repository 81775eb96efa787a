import { useEffect, useRef } from 'react';
import type { BoardModel } from './BoardModel.ts';
import type { Box } from './shapes.ts';

interface TextEditorProps {
  box: Box;
  model: BoardModel;
  onDone: () => void;
}

/** What is typed is on everybody's board at once. */
export function TextEditor({ box, model, onDone }: TextEditorProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    model.beginStep();
    area.current?.focus();
    area.current?.select();
  }, [model]);
  return (
    <foreignObject x={box.x} y={box.y} width={box.width} height={box.height}>
      <textarea
        ref={area}
        className={`box-editor box-text-${box.kind}`}
        aria-label="Text of this item"
        value={box.text}
        maxLength={2000}
        onChange={(event) => {
          model.change(box.id, { text: event.target.value });
        }}
        onBlur={onDone}
        onPointerDown={(event) => {
          event.stopPropagation();
        }}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === 'Escape') onDone();
        }}
      />
    </foreignObject>
  );
}
