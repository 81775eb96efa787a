import { syntaxTree } from '@codemirror/language';
import type { Extension, Range } from '@codemirror/state';
import { Decoration, EditorView, ViewPlugin, WidgetType } from '@codemirror/view';
import type { DecorationSet, ViewUpdate } from '@codemirror/view';

/** Shows `[ ]` and `[x]` of lists as boxes to tick, unless the cursor is in them. */
const plugin = ViewPlugin.define((view) => new Checkboxes(view), {
  decorations: ({ decorations }) => decorations,
});

class Checkboxes {
  decorations: DecorationSet;

  constructor(view: EditorView) {
    this.decorations = draw(view);
  }

  update({ view, docChanged, viewportChanged, selectionSet, startState, state }: ViewUpdate): void {
    const isParsed = syntaxTree(startState) !== syntaxTree(state);
    if (docChanged || viewportChanged || selectionSet || isParsed) this.decorations = draw(view);
  }
}

function draw(view: EditorView): DecorationSet {
  const { state, visibleRanges } = view;
  const boxes: Range<Decoration>[] = [];
  for (const { from, to } of visibleRanges) {
    syntaxTree(state).iterate({
      from,
      to,
      enter: ({ name, from: start, to: end }) => {
        if (name !== 'TaskMarker') return;
        const isTouched = state.selection.ranges.some(
          (range) => range.from <= end && range.to >= start,
        );
        if (isTouched) return;
        const isDone = state.sliceDoc(start, end).toLowerCase() === '[x]';
        const task = state.sliceDoc(end, state.doc.lineAt(end).to).trim();
        const widget = new Checkbox(isDone, task, !state.readOnly);
        boxes.push(Decoration.replace({ widget }).range(start, end));
      },
    });
  }
  return Decoration.set(boxes, true);
}

class Checkbox extends WidgetType {
  readonly #isDone: boolean;
  readonly #task: string;
  readonly #canWrite: boolean;

  constructor(isDone: boolean, task: string, canWrite: boolean) {
    super();
    this.#isDone = isDone;
    this.#task = task;
    this.#canWrite = canWrite;
  }

  override eq(other: Checkbox): boolean {
    return (
      other.#isDone === this.#isDone &&
      other.#task === this.#task &&
      other.#canWrite === this.#canWrite
    );
  }

  override toDOM(view: EditorView): HTMLElement {
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.className = 'kr-checkbox';
    box.checked = this.#isDone;
    box.disabled = !this.#canWrite;
    box.setAttribute('aria-label', this.#task === '' ? 'Task' : this.#task);
    // The text decides; the box only shows it.
    box.addEventListener('click', (event) => {
      event.preventDefault();
      this.#toggle(view, box);
    });
    return box;
  }

  override ignoreEvent(): boolean {
    return true;
  }

  #toggle(view: EditorView, box: HTMLElement): void {
    const at = view.posAtDOM(box);
    const insert = this.#isDone ? '[ ]' : '[x]';
    view.dispatch({ changes: { from: at, to: at + insert.length, insert }, userEvent: 'input' });
  }
}

const theme = EditorView.baseTheme({
  '.kr-checkbox': {
    width: '1.05em',
    height: '1.05em',
    margin: '0 0.25em 0 0',
    verticalAlign: '-0.14em',
    accentColor: 'var(--accent)',
  },
});

export const checkboxes: Extension = [plugin, theme];
