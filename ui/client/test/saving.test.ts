import { expect, test } from 'vitest';
import { Saving } from '../src/yjs/saving.js';

const edit = (...bytes: number[]) => Uint8Array.from(bytes);

/** A client that is in sync with a server. */
function synced(): Saving {
  const saving = new Saving();
  saving.asked();
  saving.answered();
  return saving;
}

/** With a server that has said once that an edit is stored. */
function writeFirst(): Saving {
  const saving = synced();
  saving.edited(edit(1));
  saving.received(edit(1));
  return saving;
}

test('before there is contact, nothing is known', () => {
  const saving = new Saving();
  expect(saving.state).toBe('unknown');
  saving.edited(edit(1));
  expect(saving.state).toBe('unsent');
});

test('with a server that is relay-first, edits are sent', () => {
  const saving = synced();
  expect(saving.state).toBe('sent');
  saving.edited(edit(1));
  expect(saving.state).toBe('sent');
});

test('what was sent on a connection that broke may have been lost, until the next sync', () => {
  const saving = synced();
  saving.edited(edit(1));
  saving.disconnected();
  expect(saving.state).toBe('unsent');
  saving.asked();
  saving.answered();
  saving.disconnected();
  expect(saving.state).toBe('sent');
});

test('an edit that comes back is saved, and shows that the next will, too', () => {
  const saving = synced();
  saving.edited(edit(1, 2));
  expect(saving.state).toBe('sent');
  saving.received(edit(1, 2));
  expect(saving.state).toBe('saved');
  saving.edited(edit(3));
  expect(saving.state).toBe('saving');
  saving.disconnected();
  expect(saving.state).toBe('unsent');
});

test('the last edit speaks for all before it, and others for nobody', () => {
  const saving = writeFirst();
  saving.edited(edit(2));
  saving.edited(edit(3));
  saving.received(edit(2));
  saving.received(edit(4));
  saving.received(edit(3, 0));
  expect(saving.state).toBe('saving');
  saving.received(edit(3));
  expect(saving.state).toBe('saved');
});

test('an edit between question and answer is not part of the answer', () => {
  const saving = writeFirst();
  saving.disconnected();
  saving.edited(edit(2));
  saving.asked();
  saving.edited(edit(3));
  saving.answered();
  expect(saving.state).toBe('saving');
  saving.received(edit(3));
  expect(saving.state).toBe('saved');
});

test('a reader is rejected until the next connection', () => {
  const saving = synced();
  saving.edited(edit(1));
  saving.rejected();
  expect(saving.state).toBe('rejected');
  saving.disconnected();
  expect(saving.state).toBe('unsent');
});
