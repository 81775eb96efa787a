import { Annotation } from '@codemirror/state';
import type { Extension, Range } from '@codemirror/state';
import { Decoration, EditorView, ViewPlugin, WidgetType } from '@codemirror/view';
import type { DecorationSet, ViewUpdate } from '@codemirror/view';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { safeColor, safeName } from '../../person.ts';

/**
 * Shows where the others are, and tells them where this user is, in the states that
 * `y-codemirror.next` uses. Its own view of them sets styles in a way that the content security
 * policy forbids, and shows names only to a mouse.
 */
export function cursors(text: Y.Text, awareness: Awareness): Extension {
  const plugin = ViewPlugin.define((view) => new Cursors(view, text, awareness), {
    decorations: ({ decorations }) => decorations,
  });
  return [plugin, theme];
}

const othersMoved = Annotation.define<true>();

interface Selection {
  anchor: number;
  head: number;
  name: string;
  color: string;
}

class Cursors {
  decorations: DecorationSet;
  readonly #text: Y.Text;
  readonly #awareness: Awareness;
  readonly #off: () => void;

  constructor(view: EditorView, text: Y.Text, awareness: Awareness) {
    this.#text = text;
    this.#awareness = awareness;
    const listener = (changes: Record<'added' | 'updated' | 'removed', number[]>) => {
      const clients = [...changes.added, ...changes.updated, ...changes.removed];
      if (clients.every((client) => client === awareness.clientID)) return;
      view.dispatch({ annotations: othersMoved.of(true) });
    };
    awareness.on('change', listener);
    this.#off = () => {
      awareness.off('change', listener);
    };
    this.decorations = this.#draw(view);
  }

  update({ view }: ViewUpdate): void {
    this.#publish(view);
    this.decorations = this.#draw(view);
  }

  destroy(): void {
    this.#off();
    if (this.#awareness.getLocalState() !== null) {
      this.#awareness.setLocalStateField('cursor', null);
    }
  }

  #publish({ state, hasFocus }: EditorView): void {
    const local = this.#awareness.getLocalState();
    if (local === null || !hasFocus) return;
    const { anchor, head } = state.selection.main;
    const cursor = { anchor: this.#relative(anchor), head: this.#relative(head) };
    if (JSON.stringify(local['cursor'] ?? null) === JSON.stringify(cursor)) return;
    this.#awareness.setLocalStateField('cursor', cursor);
  }

  #relative(index: number): unknown {
    return Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(this.#text, index));
  }

  #draw({ state }: EditorView): DecorationSet {
    const ranges: Range<Decoration>[] = [];
    for (const [client, other] of this.#awareness.getStates()) {
      if (client === this.#awareness.clientID) continue;
      const selection = this.#selection(other, state.doc.length);
      if (selection === null) continue;
      const { anchor, head, color, name } = selection;
      const [from, to] = anchor < head ? [anchor, head] : [head, anchor];
      if (from < to) ranges.push(picked(color).range(from, to));
      ranges.push(caret(color, name, head).range(head));
    }
    return Decoration.set(ranges, true);
  }

  /** What others say may be anything. */
  #selection(other: Record<string, unknown>, length: number): Selection | null {
    const cursor = (other['cursor'] ?? {}) as { anchor?: unknown; head?: unknown };
    const anchor = this.#absolute(cursor.anchor);
    const head = this.#absolute(cursor.head);
    if (anchor === null || head === null || Math.max(anchor, head) > length) return null;
    const { color, name } = (other['user'] ?? {}) as { color?: unknown; name?: unknown };
    return { anchor, head, color: safeColor(color), name: safeName(name) };
  }

  #absolute(position: unknown): number | null {
    if (position === null || position === undefined || this.#text.doc === null) return null;
    try {
      const relative = Y.createRelativePositionFromJSON(position);
      const absolute = Y.createAbsolutePositionFromRelativePosition(relative, this.#text.doc);
      return absolute?.type === this.#text ? absolute.index : null;
    } catch {
      return null;
    }
  }
}

function picked(color: string): Decoration {
  return Decoration.mark({ attributes: { style: `background-color: ${color}33` } });
}

function caret(color: string, name: string, head: number): Decoration {
  return Decoration.widget({ widget: new Caret(color, name, head), side: 1 });
}

class Caret extends WidgetType {
  readonly #color: string;
  readonly #name: string;
  readonly #head: number;

  constructor(color: string, name: string, head: number) {
    super();
    this.#color = color;
    this.#name = name;
    this.#head = head;
  }

  /** A caret that moved is another one, whose name is shown anew. */
  override eq(other: Caret): boolean {
    return other.#color === this.#color && other.#name === this.#name && other.#head === this.#head;
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement('span');
    caret.className = 'kr-caret';
    caret.style.setProperty('--person', this.#color);
    caret.setAttribute('aria-hidden', 'true');
    const name = document.createElement('span');
    name.className = 'kr-caret-name';
    name.textContent = this.#name;
    // A word joiner gives the caret a line's height, and doesn't break the word that it is in.
    caret.append('\u2060', name);
    return caret;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}

const theme = EditorView.baseTheme({
  '.kr-caret': {
    position: 'relative',
    marginLeft: '-1px',
    marginRight: '-1px',
    borderLeft: '2px solid var(--person)',
  },
  '.kr-caret-name': {
    position: 'absolute',
    zIndex: '5',
    bottom: '100%',
    left: '-2px',
    padding: '0 0.4em',
    borderRadius: '5px 5px 5px 0',
    background: 'var(--person)',
    color: '#fff',
    fontFamily: 'var(--font)',
    fontSize: '0.72rem',
    fontStyle: 'normal',
    fontWeight: '600',
    lineHeight: '1.45',
    letterSpacing: '0',
    whiteSpace: 'nowrap',
    userSelect: 'none',
    pointerEvents: 'none',
    animation: 'kr-caret-name 4s ease-in forwards',
  },
  '.kr-caret:hover .kr-caret-name': {
    animation: 'none',
    opacity: '1',
  },
  '@keyframes kr-caret-name': {
    '0%, 80%': { opacity: '1' },
    '100%': { opacity: '0' },
  },
});
