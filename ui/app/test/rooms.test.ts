import { beforeEach, describe, expect, test } from 'vitest';
import {
  forgetRoom,
  newRoomName,
  parseEntrance,
  recentRooms,
  rememberRoom,
  rememberedToken,
  titleOf,
} from '../src/rooms.ts';

describe('what is typed at the entrance', () => {
  test('a name, or a link of this server', () => {
    expect(parseEntrance('  team notes ')).toEqual({
      kind: 'room',
      room: 'team notes',
      token: null,
    });
    const link = `${location.origin}/#/room/a%2Fb?token=t.o.k`;
    expect(parseEntrance(link)).toEqual({ kind: 'room', room: 'a/b', token: 't.o.k' });
  });

  test('a link of another server leads there', () => {
    const address = 'https://else.example/#/room/a';
    expect(parseEntrance(address)).toEqual({ kind: 'elsewhere', address });
  });

  test.each(['', ' ', 'https://', 'https://example.com/', `${location.origin}/#/admin`])(
    '%j is none, and says why',
    (text) => {
      expect(parseEntrance(text)).toMatchObject({ kind: 'problem' });
    },
  );

  test.each(['*', 'team/*'])('%s would be a token’s pattern, so it is no name', (text) => {
    expect(parseEntrance(text)).toMatchObject({ kind: 'problem' });
  });

  test('1024 bytes are the longest name', () => {
    expect(parseEntrance('é'.repeat(512)).kind).toBe('room');
    expect(parseEntrance('é'.repeat(513)).kind).toBe('problem');
  });
});

describe('rooms that were visited', () => {
  beforeEach(() => {
    recentRooms.set([]);
  });

  test('the last comes first, once', () => {
    rememberRoom({ room: 'a', title: 'A', token: 'x' }, 1);
    rememberRoom({ room: 'b', title: 'B', token: null }, 2);
    rememberRoom({ room: 'a', title: 'A again', token: 'y' }, 3);
    expect(recentRooms.value.map(({ title }) => title)).toEqual(['A again', 'B']);
    expect(rememberedToken('a')).toBe('y');
    forgetRoom('a');
    expect(rememberedToken('a')).toBeNull();
  });

  test('no more than thirty are kept', () => {
    for (let index = 0; index < 40; index += 1) {
      rememberRoom({ room: String(index), title: '', token: null }, index);
    }
    expect(recentRooms.value).toHaveLength(30);
    expect(recentRooms.value[0]?.room).toBe('39');
  });
});

test('names that were made up read as titles, others stay as they are', () => {
  const name = newRoomName();
  expect(name).toMatch(/^[a-z]+-[a-z]+-[a-z2-9]{8}$/);
  expect(titleOf(name)).toMatch(/^[A-Z][a-z]+ [a-z]+$/);
  expect(titleOf('my-room')).toBe('my-room');
});
