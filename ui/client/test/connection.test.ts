import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KrakenClient } from '../src/index.js';
import type { KrakenClientOptions, KrakenEvent } from '../src/index.js';
import { SignalType } from '../src/protocol.js';
import { FakeSockets, settle } from './fakes.js';

let sockets: FakeSockets;
let client: KrakenClient;
let events: KrakenEvent[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
  sockets = new FakeSockets();
});

afterEach(() => {
  client.disconnect();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function create(options: Partial<KrakenClientOptions> = {}): KrakenClient {
  client = new KrakenClient({
    url: 'wss://kraken.test/',
    token: 'secret',
    room: 'a room',
    name: 'Ann',
    peerId: 'ann',
    WebSocket: sockets.WebSocket,
    ...options,
  });
  events = [];
  client.on((event) => events.push(event));
  return client;
}

const statuses = () => events.flatMap((event) => (event.type === 'status' ? [event.status] : []));
const errors = () => events.flatMap((event) => (event.type === 'error' ? [event.error.code] : []));

test('it announces itself, and is connected once it has the peers', async () => {
  const connected = create({ metadata: { colour: 'red' } }).connect();
  await settle();
  expect(sockets.last.url).toBe('wss://kraken.test/doc/a%20room?token=secret');
  sockets.last.onopen?.();
  expect(sockets.last.sent).toEqual([
    { type: SignalType.Announce, from: 'ann', name: 'Ann', metadata: { colour: 'red' } },
  ]);
  expect(client.status).toBe('connecting');
  const bob = { peerId: 'bob', name: 'Bob', metadata: null };
  sockets.last.receivePeers([bob]);
  await connected;
  expect(client.peers).toEqual([bob]);
  expect(events).toEqual([
    { type: 'status', status: 'connecting' },
    { type: 'status', status: 'connected' },
    { type: 'peers', peers: [bob] },
  ]);
});

test('connecting twice is connecting once', async () => {
  const both = Promise.all([create().connect(), client.connect()]);
  await sockets.admit();
  await both;
  expect(sockets.all).toHaveLength(1);
});

test('it sees peers come, change and go', async () => {
  void create().connect();
  await sockets.admit();
  const bob = { peerId: 'bob', name: 'Bob', metadata: null };
  const robert = { ...bob, name: 'Robert' };
  sockets.last.receiveSignal({ type: SignalType.PeerJoined, from: 'bob', peer: bob });
  expect(client.peers).toEqual([bob]);
  sockets.last.receiveSignal({ type: SignalType.PeerJoined, from: 'bob', peer: robert });
  expect(client.peers).toEqual([robert]);
  sockets.last.receiveSignal({ type: SignalType.PeerLeft, from: 'bob', peerId: 'bob' });
  expect(client.peers).toEqual([]);
  const types = events.map(({ type }) => type).filter((type) => type.startsWith('peer-'));
  expect(types).toEqual(['peer-joined', 'peer-left']);
});

test('what it has no use for, it ignores', async () => {
  void create().connect();
  await sockets.admit();
  const before = events.length;
  sockets.last.receive(new ArrayBuffer(3));
  sockets.last.receive('{');
  sockets.last.receiveSignal({ type: SignalType.PeerLeft, peerId: 'nobody' });
  sockets.last.receiveSignal({ type: SignalType.Answer, from: 'bob', callId: 'c', sdp: 's' });
  sockets.last.receiveSignal({ type: SignalType.Hangup, from: 'bob' });
  expect(events).toHaveLength(before);
});

test.for([1006, 1012, 1013, 4500, 4501, 4502])('it comes back after %i', async (code) => {
  void create().connect();
  await sockets.admit();
  sockets.last.breakWith(code);
  expect(client.status).toBe('reconnecting');
  await vi.advanceTimersByTimeAsync(100);
  await sockets.admit();
  expect(statuses()).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
  expect(sockets.last.sent).toMatchObject([{ type: SignalType.Announce, from: 'ann' }]);
});

test('its pauses double up to ten seconds, and begin anew after a connection that lasted', async () => {
  void create().connect();
  await settle();
  for (const pause of [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]) {
    const count = sockets.all.length;
    sockets.last.breakWith(1006);
    await vi.advanceTimersByTimeAsync(pause - 1);
    expect(sockets.all).toHaveLength(count);
    await vi.advanceTimersByTimeAsync(1);
    expect(sockets.all).toHaveLength(count + 1);
  }
  await sockets.admit();
  await vi.advanceTimersByTimeAsync(10_000);
  sockets.last.breakWith(1006);
  await vi.advanceTimersByTimeAsync(100);
  expect(sockets.all).toHaveLength(11);
});

test('a server that lets in and closes at once is not stormed', async () => {
  void create().connect();
  for (const pause of [100, 200, 400]) {
    await sockets.admit();
    const count = sockets.all.length;
    sockets.last.breakWith(1011);
    await vi.advanceTimersByTimeAsync(pause - 1);
    expect(sockets.all).toHaveLength(count);
    await vi.advanceTimersByTimeAsync(1);
    expect(sockets.all).toHaveLength(count + 1);
  }
});

test('a browser that finds its network again need not wait', async () => {
  void create().connect();
  await sockets.admit();
  sockets.last.breakWith(1006);
  dispatchEvent(new Event('online'));
  await sockets.admit();
  expect(client.status).toBe('connected');
  dispatchEvent(new Event('online'));
  await settle();
  expect(sockets.all).toHaveLength(2);
});

test.for([4400, 4401, 4403, 4413, 4499])('it stays away after %i', async (code) => {
  const connected = create().connect();
  const refused = expect(connected).rejects.toMatchObject({
    code: 'refused',
    closeCode: code,
    message: `the server refuses with ${String(code)}: go away`,
  });
  await settle();
  sockets.last.breakWith(code, 'go away');
  await refused;
  expect(events).toContainEqual({ type: 'status', status: 'closed', code, reason: 'go away' });
  expect(errors()).toEqual(['refused']);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets.all).toHaveLength(1);
});

test('a refusal later on is told, too', async () => {
  await Promise.all([create().connect(), sockets.admit([{ peerId: 'bob' }])]);
  sockets.last.breakWith(4401, 'the token was revoked');
  expect(client.status).toBe('closed');
  expect(client.peers).toEqual([]);
  expect(errors()).toEqual(['refused']);
});

test('a function is asked for a token at each connect', async () => {
  const token = vi.fn<() => Promise<string>>();
  token.mockResolvedValueOnce('first').mockRejectedValueOnce(new Error('offline'));
  token.mockResolvedValue('second');
  void create({ token }).connect();
  await sockets.admit();
  expect(sockets.last.url).toContain('?token=first');
  sockets.last.breakWith(4501);
  await vi.advanceTimersByTimeAsync(100);
  expect(errors()).toEqual(['token']);
  await vi.advanceTimersByTimeAsync(200);
  expect(sockets.last.url).toContain('?token=second');
});

test('without a token the address has none', async () => {
  void create({ token: undefined, url: 'https://kraken.test' }).connect();
  await settle();
  expect(sockets.last.url).toBe('wss://kraken.test/doc/a%20room');
});

test('it waits for an earlier connection of its own to be gone', async () => {
  const connected = create().connect();
  await settle();
  sockets.last.onopen?.();
  sockets.last.receiveError('peer_id_taken');
  await vi.advanceTimersByTimeAsync(100);
  expect(sockets.last.sent).toHaveLength(2);
  sockets.last.receivePeers();
  await connected;
});

test.for([
  ['shortest', 0],
  ['longest', 1],
] as const)('it waits a minute for its peer id, with the %s pauses', async ([, jitter]) => {
  vi.spyOn(Math, 'random').mockReturnValue(jitter);
  const refused = expect(create().connect()).rejects.toMatchObject({ code: 'peer-id-taken' });
  await settle();
  sockets.last.onopen?.();
  const started = Date.now();
  let answered = 0;
  while (client.status === 'connecting') {
    const { sent } = sockets.last;
    for (; answered < sent.length; answered += 1) sockets.last.receiveError('peer_id_taken');
    sockets.last.receive(new ArrayBuffer(1));
    await vi.advanceTimersByTimeAsync(1000);
  }
  await refused;
  expect(client.status).toBe('closed');
  expect(Date.now() - started).toBeGreaterThan(60_000);
  expect(Date.now() - started).toBeLessThan(180_000);
});

test('an announcement that the server does not like is told at once', async () => {
  const refused = expect(create().connect()).rejects.toMatchObject({
    code: 'signal',
    message: 'bad_signal: it is bad_signal',
  });
  await settle();
  sockets.last.onopen?.();
  sockets.last.receiveError('bad_signal');
  await refused;
  expect(client.status).toBe('closed');
});

test('a server that says nothing is left for a new connection', async () => {
  void create().connect();
  await sockets.admit();
  const { last } = sockets;
  await vi.advanceTimersByTimeAsync(29_000);
  last.receive(new ArrayBuffer(1));
  await vi.advanceTimersByTimeAsync(29_000);
  expect(client.status).toBe('connected');
  await vi.advanceTimersByTimeAsync(6_000);
  expect(client.status).toBe('reconnecting');
  expect(last.isClosed).toBe(true);
});

test('disconnecting ends a connect, and connecting again works', async () => {
  const connected = create().connect();
  client.disconnect();
  await expect(connected).rejects.toMatchObject({ code: 'disconnected' });
  await settle();
  expect(sockets.all).toHaveLength(0);
  const again = client.connect();
  await sockets.admit();
  await again;
  expect(errors()).toEqual([]);
});

test('an address that is none is told at once', async () => {
  const WebSocket = vi.fn(function refuse() {
    throw new SyntaxError('bad address');
  });
  await expect(create({ WebSocket }).connect()).rejects.toMatchObject({
    code: 'refused',
    message: 'no such address: bad address',
  });
});

test('who stops listening hears no more', async () => {
  const listener = vi.fn();
  const off = create().on(listener);
  off();
  void client.connect();
  await sockets.admit();
  expect(listener).not.toHaveBeenCalled();
});
