import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KrakenClient } from '../src/index.js';
import type { KrakenEvent, RoomOptions } from '../src/index.js';
import { FakeSockets, settle } from './fakes.js';

let sockets: FakeSockets;
let client: KrakenClient;
let events: KrakenEvent[];
const ask = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
  vi.stubGlobal('fetch', ask);
  sockets = new FakeSockets();
  let count = 0;
  ask.mockReset().mockImplementation(() => {
    count += 1;
    return Promise.resolve(Response.json({ ticket: `ticket-${String(count)}` }, { status: 201 }));
  });
});

afterEach(() => {
  client.disconnect();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function connect(options: Partial<RoomOptions> = {}): Promise<void> {
  client = new KrakenClient({
    url: 'https://node.test/kraken:kraken:template.os/',
    room: 'a room',
    via: 'direct',
    WebSocket: sockets.WebSocket,
    ...options,
  });
  events = [];
  client.on((event) => events.push(event));
  return client.connect();
}

const refusals = () => events.flatMap((event) => (event.type === 'error' ? [event.error] : []));

test('the owner asks by their login, and each connection has a ticket of its own', async () => {
  void connect({ app: 'notes' });
  await sockets.admit();
  const base = 'node.test/kraken:kraken:template.os';
  expect(ask.mock.lastCall?.[0]).toBe(`https://${base}/owner/api/tickets`);
  expect(ask.mock.lastCall?.[1]).toEqual({
    method: 'POST',
    headers: {},
    body: '{"room":"a room","app":"notes"}',
  });
  expect(sockets.last.url).toBe(`wss://${base}/t/ticket-1/doc/a%20room`);
  sockets.last.breakWith(1006);
  await vi.advanceTimersByTimeAsync(100);
  await sockets.admit();
  expect(sockets.last.url).toBe(`wss://${base}/t/ticket-2/doc/a%20room`);
});

test('others ask with their token', async () => {
  void connect({ token: () => Promise.resolve('secret'), url: 'ws://node.test' });
  await sockets.admit();
  expect(ask.mock.lastCall?.[0]).toBe('http://node.test/api/tickets');
  expect(ask.mock.lastCall?.[1].headers).toEqual({ authorization: 'Bearer secret' });
});

test('who gets no ticket is refused for good, with what the server says', async () => {
  const error = { code: 'tickets_off', message: 'only the owner' };
  ask.mockResolvedValue(Response.json({ error }, { status: 403 }));
  await expect(connect({ token: 'secret' })).rejects.toMatchObject({
    code: 'refused',
    closeCode: 4403,
    message: 'the server refuses with 4403: only the owner',
  });
  expect(sockets.all).toHaveLength(0);
});

test('who is not logged in is told so', async () => {
  ask.mockResolvedValue(new Response('<!doctype html>', { status: 200 }));
  await expect(connect()).rejects.toMatchObject({ closeCode: 4401 });
  expect(refusals()[0]?.message).toContain('log in to the node first');
});

test.for([
  ['a network that is gone', () => Promise.reject(new TypeError('failed to fetch'))],
  ['a server that is busy', () => Promise.resolve(new Response('', { status: 503 }))],
  ['too many tickets', () => Promise.resolve(new Response('{}', { status: 429 }))],
] as const)('%s is tried again', async ([, answer]) => {
  ask.mockImplementationOnce(answer);
  void connect();
  await settle();
  expect(refusals()).toMatchObject([{ code: 'ticket' }]);
  await vi.advanceTimersByTimeAsync(100);
  await sockets.admit();
  expect(client.status).toBe('connected');
});

test('a farewell in words is as good as a close', async () => {
  void connect();
  await sockets.admit();
  const reason = 'the token has expired';
  const bytes = new TextEncoder().encode(reason);
  sockets.last.receive(Uint8Array.of(2, 0, bytes.length, ...bytes).buffer);
  expect(events.at(-1)).toEqual({ type: 'status', status: 'reconnecting', code: 1006, reason });
  await vi.advanceTimersByTimeAsync(100);
  await sockets.admit();
  expect(client.status).toBe('connected');
});

test('a reader whose edit is refused stays', async () => {
  void connect();
  await sockets.admit();
  const bytes = new TextEncoder().encode(`read-only: ${'x'.repeat(200)}`);
  sockets.last.receive(Uint8Array.of(2, 0, (bytes.length & 0x7f) | 0x80, 1, ...bytes).buffer);
  expect(client.status).toBe('connected');
});

test('a ticket that got too old on its way is no refusal', async () => {
  void connect();
  await settle();
  sockets.last.breakWith(4401, 'no such ticket');
  await vi.advanceTimersByTimeAsync(100);
  await sockets.admit();
  expect(client.status).toBe('connected');
});
