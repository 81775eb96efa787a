import type { EditorView } from '@codemirror/view';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import './editor.css';
import { EditorToolbar } from './EditorToolbar.tsx';
import { openEditor, setAccess } from './view.ts';

interface EditorProps {
  text: Y.Text;
  awareness: Awareness;
  canWrite: boolean;
}

export default function Editor({ text, awareness, canWrite }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<EditorView | null>(null);
  const undoManager = useMemo(() => new Y.UndoManager(text), [text]);
  const initialAccess = useRef(canWrite);

  useEffect(() => {
    if (host.current === null) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: 'open' });
    const parent = document.createElement('div');
    parent.style.height = '100%';
    root.append(parent);
    const opened = openEditor({
      parent,
      root,
      text,
      awareness,
      undoManager,
      canWrite: initialAccess.current,
    });
    setView(opened);
    return () => {
      opened.destroy();
      parent.remove();
      setView(null);
    };
  }, [text, awareness, undoManager]);

  useEffect(() => {
    initialAccess.current = canWrite;
    if (view !== null) setAccess(view, canWrite);
  }, [view, canWrite]);

  return (
    <div className="editor">
      {canWrite && <EditorToolbar view={view} undoManager={undoManager} text={text} />}
      <div className="editor-page" ref={host} />
    </div>
  );
}
