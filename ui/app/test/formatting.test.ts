import { EditorSelection, EditorState } from '@codemirror/state';
import type { StateCommand } from '@codemirror/state';
import { describe, expect, test } from 'vitest';
import {
  continueList,
  insertLink,
  toggleAround,
  toggleLines,
} from '../src/room/editor/formatting.ts';

/** `|` is the cursor, or both ends of what is selected. */
function apply(command: StateCommand, marked: string): string | null {
  const [before = '', middle = '', after] = marked.split('|');
  const doc = before + middle + (after ?? '');
  const head = after === undefined ? before.length : before.length + middle.length;
  const state = EditorState.create({
    doc,
    selection: EditorSelection.single(before.length, head),
  });
  let next = state;
  const isDone = command({
    state,
    dispatch: (transaction) => {
      next = transaction.state;
    },
  });
  if (!isDone) return null;
  const { from, to } = next.selection.main;
  const text = next.doc.toString();
  const ends = from === to ? '|' : `|${text.slice(from, to)}|`;
  return text.slice(0, from) + ends + text.slice(to);
}

describe('formatting', () => {
  test.each([
    ['a |b| c', 'a **|b|** c'],
    ['a **|b|** c', 'a |b| c'],
    ['|', '**|**'],
  ])('bold makes %j %j', (before, after) => {
    expect(apply(toggleAround('**'), before)).toBe(after);
  });

  test.each([
    ['ab|c', '# ab|c'],
    ['# ab|c', 'ab|c'],
    ['- ab|c', '# ab|c'],
    ['|', '# |'],
  ])('a heading makes %j %j', (before, after) => {
    expect(apply(toggleLines('# '), before)).toBe(after);
  });

  test('all selected lines become items, or none', () => {
    expect(apply(toggleLines('- '), '|a\n- b|')).toBe('- |a\n- b|');
    expect(apply(toggleLines('- '), '|- a\n- b|')).toBe('|a\nb|');
  });

  test('a link waits for its address', () => {
    expect(apply(insertLink, 'see |this|')).toBe('see [this](https://|)');
  });

  test.each([
    ['- a|', '- a\n- |'],
    ['  * a|', '  * a\n  * |'],
    ['- [x] a|', '- [x] a\n- [ ] |'],
    ['9. a|', '9. a\n10. |'],
    ['> a|b', '> a\n> |b'],
    ['- a\n- |', '- a\n|'],
  ])('Enter makes %j %j', (before, after) => {
    expect(apply(continueList, before)).toBe(after);
  });

  test.each(['a|', '|- a', '- |a|'])('Enter is the editor’s own in %j', (text) => {
    expect(apply(continueList, text)).toBeNull();
  });
});
