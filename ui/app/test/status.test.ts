import { expect, test } from 'vitest';
import { markOf } from '../src/room/StatusMark.tsx';
import { explainClose } from '../src/room/useLastClose.ts';

const CONNECTED = { state: 'connected', synced: true } as const;

test.each([
  ['saved', 'Saved'],
  ['sent', 'Up to date'],
  ['unknown', 'Up to date'],
  ['saving', 'Saving…'],
  ['unsent', 'Saving…'],
] as const)('edits that are %s are said to be “%s”', (saved, text) => {
  expect(markOf(CONNECTED, saved, true, null).text).toBe(text);
});

test('only what is on disk is called saved', () => {
  expect(markOf(CONNECTED, 'sent', true, null).detail).toContain('within a moment');
});

test('without a connection nothing is promised but this device', () => {
  const mark = markOf({ state: 'offline', retryAt: null }, 'sent', true, null);
  expect(mark).toMatchObject({ text: 'Offline', tone: 'warn' });
  expect(mark.detail).toContain('kept on this device');
});

test('a full server is told from a dead one', () => {
  const close = { code: 1013, reason: 'too many connections' };
  const mark = markOf({ state: 'offline', retryAt: null }, 'sent', true, close);
  expect(mark.detail).toContain('too many connections');
});

test('readers are told that they only read', () => {
  expect(markOf(CONNECTED, 'sent', false, null).text).toBe('Read only');
});

test.each([
  [1013, '', 'as much open as it may'],
  [1006, 'the app has as many connections as it may', 'as many connections'],
  [1012, '', 'restarting'],
])('a close with %i and “%s” is explained', (code, reason, words) => {
  expect(explainClose({ code, reason })).toContain(words);
});

test.each(['', 'the server is silent', 'no ticket: Failed to fetch'])(
  'a connection that breaks with “%s” is simply offline',
  (reason) => {
    expect(explainClose({ code: 1006, reason })).toBeNull();
  },
);
