import type { StateCommand } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import {
  Bold,
  Code,
  Download,
  Heading1,
  Heading2,
  Italic,
  Link,
  List,
  ListChecks,
  ListOrdered,
  Quote,
  Redo2,
  Undo2,
} from 'lucide-react';
import type { LucideIcon } from 'lucide-react';
import { Toolbar } from '@base-ui/react/toolbar';
import type * as Y from 'yjs';
import { IconButton } from '../../ui/Button.tsx';
import { insertLink, toggleAround, toggleLines } from './formatting.ts';

const ACTIONS: readonly (readonly { label: string; icon: LucideIcon; command: StateCommand }[])[] =
  [
    [
      { label: 'Heading', icon: Heading1, command: toggleLines('# ') },
      { label: 'Subheading', icon: Heading2, command: toggleLines('## ') },
    ],
    [
      { label: 'Bold', icon: Bold, command: toggleAround('**') },
      { label: 'Italic', icon: Italic, command: toggleAround('*') },
      { label: 'Code', icon: Code, command: toggleAround('`') },
      { label: 'Link', icon: Link, command: insertLink },
    ],
    [
      { label: 'List', icon: List, command: toggleLines('- ') },
      { label: 'Numbered list', icon: ListOrdered, command: toggleLines('1. ') },
      { label: 'Checklist', icon: ListChecks, command: toggleLines('- [ ] ') },
      { label: 'Quote', icon: Quote, command: toggleLines('> ') },
    ],
  ];

interface EditorToolbarProps {
  view: EditorView | null;
  undoManager: Y.UndoManager;
  text: Y.Text;
}

/** One stop for the Tab key; arrow keys go from button to button. */
export function EditorToolbar({ view, undoManager, text }: EditorToolbarProps) {
  const act = (work: () => void) => () => {
    work();
    view?.focus();
  };
  const apply = (command: StateCommand) =>
    act(() => {
      if (view !== null) command(view);
    });
  return (
    <Toolbar.Root className="editor-tools" aria-label="Formatting">
      <Tool label="Undo" icon={Undo2} onClick={act(() => undoManager.undo())} />
      <Tool label="Redo" icon={Redo2} onClick={act(() => undoManager.redo())} />
      {ACTIONS.map((group, index) => (
        <Toolbar.Group key={index} className="editor-tool-group">
          {group.map(({ label, icon, command }) => (
            <Tool key={label} label={label} icon={icon} onClick={apply(command)} />
          ))}
        </Toolbar.Group>
      ))}
      <Tool
        label="Download as Markdown"
        icon={Download}
        onClick={() => {
          download(text.toJSON());
        }}
      />
    </Toolbar.Root>
  );
}

function Tool(props: { label: string; icon: LucideIcon; onClick: () => void }) {
  return <Toolbar.Button render={<IconButton {...props} />} />;
}

function download(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/markdown' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'document.md';
  link.click();
  URL.revokeObjectURL(url);
}
