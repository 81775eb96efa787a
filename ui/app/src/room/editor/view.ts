import { defaultKeymap, indentLess, indentMore } from '@codemirror/commands';
import { Compartment, EditorState } from '@codemirror/state';
import type { Extension } from '@codemirror/state';
import { EditorView, drawSelection, keymap, placeholder } from '@codemirror/view';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import { cursors } from './cursors.ts';
import { continueList, insertLink, toggleAround } from './formatting.ts';
import { checkboxes } from './checkboxes.ts';
import { markdown } from './markdown.ts';

const access = new Compartment();

export interface EditorOptions {
  /** Within a shadow root: there CodeMirror takes its styles as objects, which the policy allows. */
  parent: HTMLElement;
  root: ShadowRoot;
  text: Y.Text;
  awareness: Awareness;
  undoManager: Y.UndoManager;
  canWrite: boolean;
}

export function openEditor(options: EditorOptions): EditorView {
  const { parent, root, text, awareness, undoManager, canWrite } = options;
  const extensions: Extension[] = [
    keymap.of([
      { key: 'Mod-b', run: toggleAround('**') },
      { key: 'Mod-i', run: toggleAround('*') },
      { key: 'Mod-k', run: insertLink },
      { key: 'Enter', run: continueList },
      // Escape, then Tab, leaves the editor: CodeMirror lets go for two seconds.
      { key: 'Tab', run: indentMore, shift: indentLess },
      ...yUndoManagerKeymap,
      ...defaultKeymap,
    ]),
    drawSelection(),
    EditorView.lineWrapping,
    placeholder('Write something. Everybody in the room sees it as you type.'),
    EditorView.contentAttributes.of({
      'aria-label': 'Shared document',
      // Focusable as it is, but only so do tools for accessibility know.
      tabindex: '0',
      spellcheck: 'true',
      autocapitalize: 'sentences',
    }),
    markdown,
    checkboxes,
    yCollab(text, null, { undoManager }),
    cursors(text, awareness),
    access.of(accessOf(canWrite)),
    theme,
  ];
  const state = EditorState.create({ doc: text.toJSON(), extensions });
  return new EditorView({ state, parent, root });
}

export function setAccess(view: EditorView, canWrite: boolean): void {
  view.dispatch({ effects: access.reconfigure(accessOf(canWrite)) });
}

function accessOf(canWrite: boolean): Extension {
  return [EditorState.readOnly.of(!canWrite), EditorView.editable.of(canWrite)];
}

const theme = EditorView.theme({
  '&': {
    height: '100%',
    color: 'var(--ink)',
    backgroundColor: 'transparent',
    fontSize: '1.0625rem',
  },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': {
    fontFamily: 'var(--font)',
    lineHeight: '1.7',
    overflow: 'auto',
  },
  '.cm-content': {
    width: '100%',
    maxWidth: '46rem',
    margin: '0 auto',
    padding: '2.25rem clamp(1.1rem, 4vw, 2.5rem) 40vh',
    caretColor: 'var(--ink)',
  },
  '.cm-line': { padding: '0' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)', borderLeftWidth: '2px' },
  '.cm-placeholder': { color: 'var(--ink-soft)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { backgroundColor: 'color-mix(in srgb, var(--accent) 24%, transparent)' },
});
