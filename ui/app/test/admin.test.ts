import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseLimits } from '../src/admin/limits.ts';
import { socketAddress } from '../src/admin/gateway.ts';
import { appIdFrom, parseOrigins } from '../src/admin/origins.ts';
import { yWebsocket } from '../src/admin/snippets.ts';
import { signStoreToken } from '../src/admin/storeTokens.ts';
import { ratesBetween } from '../src/admin/usage.ts';

describe('forms of the console', () => {
  test('origins are one for each line, without what follows them', () => {
    const text = 'https://a.example/\n\nhttps://*.b.example, http://localhost:*\nhttps://a.example';
    expect(parseOrigins(text)).toEqual([
      'https://a.example',
      'https://*.b.example',
      'http://localhost:*',
    ]);
  });

  test.each([
    ['Field Notes', 'field-notes'],
    ['  Café №1! ', 'cafe-no1'],
    ['***', ''],
    ['x'.repeat(80), 'x'.repeat(64)],
  ])('%j suggests the id %j', (name, id) => {
    expect(appIdFrom(name)).toBe(id);
  });

  test.each([
    ['', 'wss://YOUR-GATEWAY'],
    ['k.example', 'wss://k.example'],
    ['https://k.example/', 'wss://k.example'],
    ['http://localhost:8080', 'ws://localhost:8080'],
    ['ws://localhost:8080', 'ws://localhost:8080'],
  ])('a gateway at %j is connected to at %s', (typed, address) => {
    expect(socketAddress(typed)).toBe(address);
  });

  test('limits that are left empty are not set', () => {
    expect(parseLimits({ rooms: '5', connections: '' })).toEqual({ rooms: 5 });
  });

  test('rates of rooms that left memory in between are not made up', () => {
    const before = {
      at: 0,
      messages: new Map([
        ['a', 10],
        ['b', 10],
      ]),
    };
    const now = {
      at: 2_000,
      messages: new Map([
        ['a', 30],
        ['b', 4],
        ['c', 9],
      ]),
    };
    expect([...ratesBetween(before, now)]).toEqual([['a', 10]]);
  });

  test('the snippet is what a server and a token make of it', () => {
    const code = yWebsocket('wss://k.example', 't.o.k');
    expect(code).toContain("new WebsocketProvider('wss://k.example', 'my-document', doc, {");
    expect(code).toContain("token: 't.o.k'");
  });
});

test('a store’s token is signed as any other HS256', async () => {
  const secret = 'ein-geheimnis-mit-ümläuten-0123456789';
  const claims = { sub: 'Zoë', aud: 'shed', scope: 'write', iss: null, iat: 1, exp: 2 } as const;
  const token = await signStoreToken(claims, secret);
  const [header = '', payload = '', signature] = token.split('.');
  const expected = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
  expect(signature).toBe(expected);
  expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual({
    sub: 'Zoë',
    aud: 'shed',
    scope: 'write',
    iat: 1,
    exp: 2,
  });
});
