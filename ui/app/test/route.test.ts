import { describe, expect, test } from 'vitest';
import { formatRoute, parseCredentials, parseRoute } from '../src/route.ts';
import type { Route } from '../src/route.ts';

const ROUTES: readonly Route[] = [
  { page: 'home' },
  { page: 'room', room: 'plain', token: null },
  { page: 'room', room: 'a/b c?d#e%f&g=ü', token: 'x.y+z/=' },
  { page: 'admin', section: 'overview' },
  { page: 'admin', section: 'settings' },
  { page: 'admin', section: 'app', appId: 'field-notes' },
];

describe('addresses', () => {
  test.each(ROUTES)('%j is read as it was written', (route) => {
    expect(parseRoute(formatRoute(route))).toEqual(route);
  });

  test.each(['', '#', '#/', '#nothing', '#token=x'])('%s is home', (fragment) => {
    expect(parseRoute(fragment)).toEqual({ page: 'home' });
  });

  test.each(['#/room', '#/room/a/b', '#/admin/x', '#/admin/rooms/x', '#/admin/apps/a/b', '#/else'])(
    '%s leads nowhere',
    (fragment) => {
      expect(parseRoute(fragment)).toEqual({ page: 'unknown' });
    },
  );

  test('a name that is cut short in its escapes is taken as it is', () => {
    expect(parseRoute('#/room/a%E')).toEqual({ page: 'room', room: 'a%E', token: null });
  });

  test('credentials are no part of a page’s address', () => {
    expect(parseCredentials('#admin=secret')).toEqual({ admin: 'secret', token: null });
    expect(parseCredentials('#token=a.b')).toEqual({ admin: null, token: 'a.b' });
    expect(parseCredentials('#/room/x?token=a')).toEqual({ admin: null, token: null });
  });
});
