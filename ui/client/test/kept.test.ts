import 'fake-indexeddb/auto';
import { afterEach, expect, test, vi } from 'vitest';
import { Doc } from 'yjs';
import { KrakenProvider } from '../src/yjs/index.js';
import type { KrakenProviderOptions } from '../src/yjs/index.js';
import { decode } from '../src/yjs/messages.js';
import { FakeSockets } from './fakes.js';

const providers: KrakenProvider[] = [];

afterEach(() => {
  for (const provider of providers.splice(0)) provider.destroy();
});

function provide(options: Partial<KrakenProviderOptions> = {}): KrakenProvider {
  const provider = new KrakenProvider({
    url: 'wss://kraken.test',
    room: 'room',
    doc: new Doc(),
    offline: true,
    connect: false,
    ...options,
  });
  providers.push(provider);
  return provider;
}

const text = ({ doc }: KrakenProvider) => doc.getText('content');

test('what was written without a connection is there after a reload', async () => {
  const before = provide();
  await before.loaded;
  text(before).insert(0, 'kept');
  before.destroy();

  const after = provide();
  await after.loaded;
  expect(text(after).toJSON()).toBe('kept');
  // Whether the server has it as well is only known after a sync.
  expect(after.saved).toBe('unknown');

  for (const other of [{ offline: 'for another user' }, { app: 'another' }, { room: 'another' }]) {
    const another = provide(other);
    await another.loaded;
    expect(text(another).toJSON()).toBe('');
  }
});

test('the server is answered with what was kept, however long that takes to load', async () => {
  const before = provide({ offline: 'slow' });
  await before.loaded;
  text(before).insert(0, 'kept');
  before.destroy();

  const sockets = new FakeSockets();
  const { WebSocket } = sockets;
  const after = provide({ offline: 'slow', connect: true, WebSocket });
  const kinds = () => sockets.last.frames.map((frame) => decode(frame, after.doc)?.kind);
  // The socket is made within the turns of one task, in which no database answers.
  while (sockets.all.length === 0) await Promise.resolve();
  sockets.last.onopen?.();
  sockets.last.receive(Uint8Array.of(0, 0, 1, 0).buffer);
  expect(text(after).toJSON()).toBe('');
  expect(kinds()).toEqual(['awareness']);
  await vi.waitFor(() => {
    expect(kinds()).toEqual(['awareness', 'step-2', 'step-1']);
  });
  expect(text(after).toJSON()).toBe('kept');
  expect(after.saved).toBe('unknown');
});

test('a device that keeps nothing is told, and no reason to stop', async () => {
  vi.stubGlobal('indexedDB', { open: refuse });
  // y-indexeddb leaves a promise of its own alone with it.
  const alone = new Promise((resolve) => process.once('unhandledRejection', resolve));
  const provider = provide();
  const failed = vi.fn();
  provider.on('storage-error', failed);
  await provider.loaded;
  expect(failed.mock.lastCall?.[0]).toMatchObject({
    code: 'storage',
    message: 'nothing can be kept on this device: private mode',
  });
  await alone;
});

test('who is gone before anything was loaded waits for nothing', async () => {
  const provider = provide();
  provider.destroy();
  await provider.loaded;
});

function refuse(): never {
  throw new Error('private mode');
}
