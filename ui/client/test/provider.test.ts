import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import { Doc, encodeStateAsUpdate, encodeStateVector } from 'yjs';
import { KrakenClient } from '../src/index.js';
import { KrakenProvider, RoomConnection } from '../src/yjs/index.js';
import type { KrakenProviderOptions } from '../src/yjs/index.js';
import { decode } from '../src/yjs/messages.js';
import { FakeSockets, settle } from './fakes.js';

let sockets: FakeSockets;
let provider: KrakenProvider;
/** What the server has. */
let remote: Doc;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
  sockets = new FakeSockets();
  remote = new Doc();
});

afterEach(() => {
  provider.destroy();
  provider.doc.destroy();
  remote.destroy();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function provide(options: Partial<KrakenProviderOptions> = {}): KrakenProvider {
  provider = new KrakenProvider({
    url: 'wss://kraken.test',
    token: 'secret',
    room: 'a/room',
    doc: new Doc(),
    WebSocket: sockets.WebSocket,
    ...options,
  });
  return provider;
}

async function opened(): Promise<void> {
  await settle();
  sockets.last.onopen?.();
}

/** Plays the server until both have the same. */
async function sync(): Promise<void> {
  await opened();
  receive(0, 0, encodeStateVector(remote));
  await settle();
  receive(0, 1, encodeStateAsUpdate(remote));
}

function receive(type: number, ...rest: (number | Uint8Array)[]): void {
  const bytes = rest.flatMap((one) =>
    typeof one === 'number' ? [one] : [...varUint(one.length), ...one],
  );
  sockets.last.receive(Uint8Array.of(type, ...bytes).buffer);
}

function varUint(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...varUint(value >> 7)];
}

const kinds = () => sockets.last.frames.map((frame) => decode(frame, provider.doc)?.kind);
const text = (doc: Doc) => doc.getText('content');

describe('a provider', () => {
  test('sends what the server lacks before it asks for what it lacks itself', async () => {
    text(remote).insert(0, 'there');
    provide();
    text(provider.doc).insert(0, 'here ');
    await opened();
    expect(sockets.last.url).toBe('wss://kraken.test/doc/a%2Froom?token=secret');
    expect(kinds()).toEqual(['awareness']);
    receive(0, 0, encodeStateVector(remote));
    await settle();
    expect(kinds()).toEqual(['awareness', 'step-2', 'step-1']);
    expect(provider.status).toEqual({ state: 'connected', synced: false });
    receive(0, 1, encodeStateAsUpdate(remote));
    expect(provider.status).toEqual({ state: 'connected', synced: true });
    expect(text(provider.doc).toJSON()).toMatch(/^(here there|therehere )$/);
  });

  test('tells what editor bindings listen to, in the order of y-websocket', async () => {
    const told: unknown[] = [];
    provide({ connect: false });
    provider.on('status', ({ status }) => told.push(status));
    provider.on('sync', (synced) => told.push(synced));
    provider.on('connection-close', ({ code }) => told.push(code));
    expect([provider.wsconnected, provider.synced, provider.roomname]).toEqual([
      false,
      false,
      'a/room',
    ]);
    provider.connect();
    await sync();
    expect([provider.wsconnected, provider.synced]).toEqual([true, true]);
    sockets.last.breakWith(1012, 'restarts');
    expect(told).toEqual(['connecting', 'connected', true, 'disconnected', false, 1012]);
  });

  test('says when it will try again, and does', async () => {
    provide();
    await sync();
    sockets.last.breakWith(1006);
    expect(provider.status).toEqual({ state: 'offline', retryAt: Date.now() + 100 });
    await vi.advanceTimersByTimeAsync(100);
    expect(provider.status).toEqual({ state: 'connecting' });
    await sync();
    expect(provider.synced).toBe(true);
  });

  test('need not wait if told to connect', async () => {
    provide();
    await sync();
    sockets.last.breakWith(1006);
    provider.connect();
    await settle();
    expect(sockets.all).toHaveLength(2);
  });

  test('stays refused until told to connect', async () => {
    const closed = vi.fn();
    provide();
    provider.on('closed', closed);
    await sync();
    sockets.last.breakWith(4403, 'the app is gone');
    const close = { code: 4403, reason: 'the app is gone' };
    expect(provider.status).toEqual({ state: 'refused', ...close });
    expect(closed).toHaveBeenCalledExactlyOnceWith(close, provider);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets.all).toHaveLength(1);
    provider.connect();
    await sync();
    expect(provider.synced).toBe(true);
  });

  test('sends edits only to a server that has greeted it', async () => {
    provide();
    await opened();
    text(provider.doc).insert(0, 'a');
    expect(kinds()).toEqual(['awareness']);
    receive(0, 0, encodeStateVector(remote));
    await settle();
    text(provider.doc).insert(1, 'b');
    expect(kinds()).toEqual(['awareness', 'step-2', 'step-1', 'update']);
  });

  test('does not send back what it is sent', async () => {
    provide();
    await sync();
    const count = sockets.last.frames.length;
    text(remote).insert(0, 'news');
    receive(0, 2, encodeStateAsUpdate(remote));
    expect(text(provider.doc).toJSON()).toBe('news');
    const other = new Awareness(remote);
    receive(1, encodeAwarenessUpdate(other, [remote.clientID]));
    other.setLocalState({ user: 'Bob' });
    receive(1, encodeAwarenessUpdate(other, [remote.clientID]));
    expect(provider.awareness.getStates().get(remote.clientID)).toEqual({ user: 'Bob' });
    expect(sockets.last.frames).toHaveLength(count);
    sockets.last.breakWith(1006);
    expect([...provider.awareness.getStates().keys()]).toEqual([provider.awareness.clientID]);
  });

  test('says that it leaves', async () => {
    provide();
    await sync();
    const { last } = sockets;
    provider.disconnect();
    expect(decode(last.frames.at(-1) ?? new Uint8Array(), provider.doc)?.kind).toBe('awareness');
    expect(last.isClosed).toBe(true);
    expect(provider.status).toEqual({ state: 'offline', retryAt: null });
  });

  test('tells what is wrong with the token, and asks again', async () => {
    const failed = vi.fn();
    const token = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error('offline'));
    token.mockResolvedValue('fresh');
    provide({ token }).on('connection-error', failed);
    await settle();
    expect(failed.mock.lastCall?.[0]).toMatchObject({ code: 'token' });
    await vi.advanceTimersByTimeAsync(100);
    await sync();
    expect(sockets.last.url).toContain('token=fresh');
  });

  test('goes on when a listener throws', async () => {
    const thrown = vi.fn();
    process.once('uncaughtException', thrown);
    provide().once('sync', () => {
      throw new Error("the app's");
    });
    await sync();
    expect(provider.status).toEqual({ state: 'connected', synced: true });
    await settle();
    await vi.waitFor(() => {
      expect(thrown).toHaveBeenCalled();
    });
  });

  test('goes with its document', async () => {
    provide();
    await sync();
    provider.doc.destroy();
    expect(sockets.last.isClosed).toBe(true);
  });

  test('leaves an awareness that it was given as it is', async () => {
    const awareness = new Awareness(new Doc());
    awareness.setLocalState({ user: 'Ann' });
    provide({ doc: awareness.doc, awareness });
    await sync();
    provider.destroy();
    expect(awareness.getLocalState()).toEqual({ user: 'Ann' });
    awareness.destroy();
  });
});

describe('a shared connection', () => {
  test('carries a document and a participant over one socket', async () => {
    const connection = new RoomConnection({
      url: 'wss://kraken.test',
      room: 'room',
      WebSocket: sockets.WebSocket,
    });
    provide({ connection });
    const client = new KrakenClient({ connection, peerId: 'ann' });
    void client.connect();
    await sync();
    sockets.last.receivePeers();
    expect(client.status).toBe('connected');
    expect(provider.synced).toBe(true);
    expect(sockets.all).toHaveLength(1);

    sockets.last.breakWith(4401);
    expect(client.status).toBe('closed');
    expect(provider.status.state).toBe('refused');
  });

  test('is opened anew for a document that comes late, and when a participant leaves', async () => {
    const connection = new RoomConnection({
      url: 'wss://kraken.test',
      room: 'room',
      WebSocket: sockets.WebSocket,
    });
    const client = new KrakenClient({ connection, peerId: 'ann' });
    void client.connect();
    await sockets.admit();
    provide({ connection });
    await sync();
    sockets.last.receivePeers();
    expect(sockets.all).toHaveLength(2);
    expect(client.status).toBe('connected');
    client.disconnect();
    await sync();
    expect(sockets.all).toHaveLength(3);
    expect(sockets.last.sent).toEqual([]);
    expect(provider.synced).toBe(true);
  });
});
