import { EditorSelection } from '@codemirror/state';
import type { ChangeSpec, Line, StateCommand } from '@codemirror/state';

/** Puts marks around what is selected, or takes them away. */
export function toggleAround(mark: string): StateCommand {
  return ({ state, dispatch }) => {
    const change = state.changeByRange((range) => {
      const { from, to } = range;
      const before = state.sliceDoc(from - mark.length, from);
      const after = state.sliceDoc(to, to + mark.length);
      if (before === mark && after === mark) {
        return {
          changes: [
            { from: from - mark.length, to: from },
            { from: to, to: to + mark.length },
          ],
          range: EditorSelection.range(from - mark.length, to - mark.length),
        };
      }
      return {
        changes: [
          { from, insert: mark },
          { from: to, insert: mark },
        ],
        range: EditorSelection.range(from + mark.length, to + mark.length),
      };
    });
    dispatch(state.update(change, { userEvent: 'input', scrollIntoView: true }));
    return true;
  };
}

const ANY_PREFIX = /^(#{1,6} |> |- \[[ x]\] |[-*] |\d+\. )/;

/** Makes lines begin with a mark in place of what they began with, or with none if they do. */
export function toggleLines(prefix: string): StateCommand {
  return ({ state, dispatch }) => {
    const lines = new Map<number, Line>();
    for (const { from, to } of state.selection.ranges) {
      const last = state.doc.lineAt(to).number;
      for (let number = state.doc.lineAt(from).number; number <= last; number += 1) {
        lines.set(number, state.doc.line(number));
      }
    }
    const all = [...lines.values()];
    const isOn = all.every(({ text }) => text.startsWith(prefix));
    const changes = all.map((line): ChangeSpec => {
      const old = ANY_PREFIX.exec(line.text)?.[0] ?? '';
      return { from: line.from, to: line.from + old.length, insert: isOn ? '' : prefix };
    });
    const set = state.changes(changes);
    dispatch(
      state.update({
        changes: set,
        // After what was put in: the cursor belongs behind a mark, not before it.
        selection: state.selection.map(set, 1),
        userEvent: 'input',
        scrollIntoView: true,
      }),
    );
    return true;
  };
}

/** Turns what is selected into a link, and leaves the cursor where its address goes. */
export const insertLink: StateCommand = ({ state, dispatch }) => {
  const { from, to } = state.selection.main;
  const text = state.sliceDoc(from, to) || 'link';
  const insert = `[${text}](https://)`;
  dispatch(
    state.update({
      changes: { from, to, insert },
      selection: { anchor: from + insert.length - 1 },
      userEvent: 'input',
      scrollIntoView: true,
    }),
  );
  return true;
};

const ITEM = /^(\s*)(- \[[ x]\] |[-*] |> |(\d+)\. )(.*)$/;

/** Enter in a list begins the next item; in an empty one it ends the list. */
export const continueList: StateCommand = ({ state, dispatch }) => {
  const { main } = state.selection;
  const line = state.doc.lineAt(main.head);
  const [, indent = '', mark = '', number, rest = ''] = ITEM.exec(line.text) ?? [];
  if (!main.empty || mark === '' || main.head < line.from + indent.length + mark.length) {
    return false;
  }
  if (rest === '') {
    dispatch(state.update({ changes: { from: line.from, to: line.to }, userEvent: 'delete' }));
    return true;
  }
  const next =
    number === undefined ? mark.replace('[x]', '[ ]') : `${String(Number(number) + 1)}. `;
  const insert = `\n${indent}${next}`;
  dispatch(
    state.update({
      changes: { from: main.head, insert },
      selection: { anchor: main.head + insert.length },
      userEvent: 'input',
      scrollIntoView: true,
    }),
  );
  return true;
};
