/** What `KrakenProvider` promises, with a real server, by both ways in. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebsocketProvider } from 'y-websocket';
import { Doc } from 'yjs';
import { KrakenProvider } from '../src/yjs/index.js';
import type { KrakenProviderOptions } from '../src/yjs/index.js';
import type { RoomOptions } from '../src/index.js';
import { KrakenServer } from './lib/kraken.js';
import { until } from './lib/until.js';
import { NodeWebSocket, PageWebSocket, roomAt, WAYS } from './lib/ways.js';

let server: KrakenServer;
const providers: { destroy(): void }[] = [];

beforeAll(async () => {
  server = await KrakenServer.create();
  await server.api('POST', '/apps', {
    app_id: 'careful',
    name: 'Careful',
    allowed_origins: ['https://careful.example'],
    durability: 'write-first',
  });
});
afterEach(() => {
  for (const provider of providers.splice(0)) provider.destroy();
});
afterAll(() => server.dispose());

function provide(room: RoomOptions, options: Partial<KrakenProviderOptions> = {}): KrakenProvider {
  const provider = new KrakenProvider({ ...room, doc: new Doc(), ...options });
  providers.push(provider);
  return provider;
}

async function joined(room: RoomOptions, options: Partial<KrakenProviderOptions> = {}) {
  const provider = provide(room, options);
  await state(provider, () => provider.synced);
  return provider;
}

function state(provider: KrakenProvider, isSo: () => boolean): Promise<void> {
  return until(isSo, (check) => {
    provider.on('change', check);
    return () => {
      provider.off('change', check);
    };
  });
}

const text = ({ doc }: { doc: Doc }) => doc.getText('content');

function reads(provider: { doc: Doc }, content: string): Promise<void> {
  return until(
    () => text(provider).toJSON() === content,
    (check) => {
      provider.doc.on('update', check);
      return () => {
        provider.doc.off('update', check);
      };
    },
  );
}

function sees(provider: KrakenProvider, users: unknown[]): Promise<void> {
  const { awareness } = provider;
  const others = () =>
    [...awareness.getStates()].flatMap(([id, one]) =>
      id === awareness.clientID ? [] : [one['user'] as unknown],
    );
  return until(
    () => JSON.stringify(others()) === JSON.stringify(users),
    (check) => {
      awareness.on('change', check);
      return () => {
        awareness.off('change', check);
      };
    },
  );
}

/** How often something is saved before the power fails. */
const WRITES = 100;

describe.for(WAYS)('a document $name', (way) => {
  test('is the same for everybody', async () => {
    const room = await roomAt(server, way);
    const [ann, bob] = await Promise.all([joined(room), joined(room)]);
    text(ann).insert(0, 'Hello ');
    await reads(bob, 'Hello ');
    text(bob).insert(6, 'Ann');
    await reads(ann, 'Hello Ann');
    const late = await joined(room);
    expect(text(late).toJSON()).toBe('Hello Ann');
  });

  test('shows who is there, until they leave', async () => {
    const room = await roomAt(server, way);
    const [ann, bob] = await Promise.all([joined(room), joined(room)]);
    ann.awareness.setLocalStateField('user', 'Ann');
    await sees(bob, ['Ann']);
    ann.disconnect();
    await sees(bob, []);
    ann.connect();
    await sees(bob, ['Ann']);
  });

  test('gets what was written without a connection', async () => {
    const room = await roomAt(server, way);
    const ann = provide(room, { connect: false });
    expect(ann.saved).toBe('unknown');
    text(ann).insert(0, 'early, ');
    expect(ann.saved).toBe('unsent');
    ann.connect();
    await state(ann, () => ann.saved === 'sent');
    ann.disconnect();
    text(ann).insert(7, 'late');
    expect(ann.saved).toBe('unsent');
    ann.connect();
    await state(ann, () => ann.saved === 'sent');
    expect(text(await joined(room)).toJSON()).toBe('early, late');
  });

  test('is handed over when in sync, without a word from anybody else', async () => {
    const room = await roomAt(server, way);
    const doc = new Doc();
    doc.getText('content').insert(0, 'all of it');
    const ann = await joined(room, { doc });
    ann.destroy();
    expect(text(await joined(room)).toJSON()).toBe('all of it');
  });

  test('is saved when a write-first app says so, and then survives a crash', async () => {
    const room = await roomAt(server, way, { app: 'careful' });
    const ann = await joined(room);
    const seen: string[] = [];
    ann.on('saved', (saved) => seen.push(saved));
    text(ann).insert(0, 'one');
    await state(ann, () => ann.saved === 'saved');
    text(ann).insert(3, ' two');
    expect(ann.saved).toBe('saving');
    await state(ann, () => ann.saved === 'saved');
    expect(seen).toEqual(['saved', 'saving', 'saved']);

    const { doc } = ann;
    ann.destroy();
    await server.stop('SIGKILL');
    await server.start();
    const after = await joined(room, { doc: new Doc() });
    expect(text(after).toJSON()).toBe(doc.getText('content').toJSON());
  });

  test('has lost nothing that was called saved, when a crash cuts off the writing', async () => {
    const room = await roomAt(server, way, { app: 'careful' });
    const ann = await joined(room);
    const content = text(ann);
    let saved = 0;
    const crashed = new Promise<void>((resolve, reject) => {
      ann.on('saved', (state) => {
        if (state !== 'saved') return;
        saved = content.length;
        // It goes on writing while the server dies.
        if (saved === WRITES) server.stop('SIGKILL').then(resolve, reject);
        content.insert(saved, 'x');
      });
    });
    content.insert(0, 'x');
    await crashed;
    ann.destroy();
    await server.start();
    const after = await joined(room, { doc: new Doc() });
    expect(saved).toBeGreaterThanOrEqual(WRITES);
    expect(text(after).length).toBeGreaterThanOrEqual(saved);
  });

  test('survives a restart of the server, with what was written meanwhile', async () => {
    const room = await roomAt(server, way);
    const [ann, bob] = await Promise.all([joined(room), joined(room)]);
    const restarted = server.restart();
    await state(ann, () => ann.status.state === 'offline');
    text(ann).insert(0, 'meanwhile');
    await restarted;
    await reads(bob, 'meanwhile');
    await state(ann, () => ann.saved === 'sent');
  });

  test('is the same in the end, however often connections break', async () => {
    const room = await roomAt(server, way);
    const all = await Promise.all([joined(room), joined(room), joined(room)]);
    for (let round = 0; round < 30; round += 1) {
      for (const [index, one] of all.entries()) {
        text(one).insert(text(one).length, String(index));
        if (round % (index + 2) === 0) one.connection.reopen();
      }
      // Edits, greetings and answers of several sockets are on their way at once.
      await new Promise(setImmediate);
    }
    await Promise.all(all.map((one) => state(one, () => one.synced)));
    const [first] = all;
    await until(
      () => text(first).length === 90,
      (check) => {
        first.doc.on('update', check);
        return () => {
          first.doc.off('update', check);
        };
      },
    );
    await Promise.all(all.map((one) => reads(one, text(first).toJSON())));
  });

  test('is not changed by who may only read', async () => {
    const room = await roomAt(server, way);
    const writer = await joined(room);
    text(writer).insert(0, 'law');
    const token = await server.token('default', { aud: room.room, scope: 'read' });
    const reader = await joined({ ...room, token });
    await reads(reader, 'law');
    const denied = vi.fn();
    reader.on('permission-denied', denied);
    text(reader).insert(0, 'no ');
    await state(reader, () => reader.saved === 'rejected');
    expect(denied).toHaveBeenCalledWith(expect.stringContaining('read-only'));
    expect(reader.status).toEqual({ state: 'connected', synced: true });
    text(writer).insert(3, 's');
    await reads(reader, 'no laws');
    expect(text(writer).toJSON()).toBe('laws');
  });

  test.for<[string, () => Promise<string>, number]>([
    ['a wrong token', () => Promise.resolve('wrong'), 4401],
    ['a token for another room', () => server.token('default', { aud: 'another' }), 4403],
  ])('is refused for good with %s', async ([, token, code]) => {
    const room = await roomAt(server, way);
    const provider = provide({ ...room, token, WebSocket: PageWebSocket });
    const closed = vi.fn();
    provider.on('closed', closed);
    await state(provider, () => provider.status.state === 'refused');
    expect(provider.status).toMatchObject({ state: 'refused', code });
    expect(closed).toHaveBeenCalledOnce();
  });

  test('comes back with a fresh token when one has expired', async () => {
    const room = await roomAt(server, way);
    const token = vi.fn(() => server.token('default', { aud: room.room, expires_in: 2 }));
    const ann = await joined({ ...room, token });
    await state(ann, () => ann.status.state === 'offline');
    token.mockImplementation(() => server.token('default', { aud: room.room }));
    await state(ann, () => ann.synced);
    expect(token).toHaveBeenCalledTimes(2);
  });

  test('is shared with y-websocket', async () => {
    const room = await roomAt(server, way);
    const theirs = new WebsocketProvider(`${server.url}/doc`, room.room, new Doc(), {
      params: { token: String(room.token) },
      WebSocketPolyfill: NodeWebSocket as typeof WebSocket,
      disableBc: true,
    });
    providers.push(theirs);
    // Both ways in lead to the same room.
    const ann = await joined(room);
    text(ann).insert(0, 'from Kraken');
    await reads(theirs, 'from Kraken');
    text(theirs).delete(0, 5);
    await reads(ann, 'Kraken');
    theirs.awareness.setLocalStateField('user', 'Bob');
    await sees(ann, ['Bob']);
  });
});

test('a large document goes up and comes down in one piece', async () => {
  const room = await roomAt(server, { name: '', via: 'gateway' });
  const doc = new Doc();
  const words = Array.from({ length: 2_000 }, () => randomUUID()).join(' ');
  for (let copy = 0; copy < 20; copy += 1) doc.getArray('pages').push([words]);
  await joined(room, { doc });
  const late = await joined(room);
  expect(late.doc.getArray('pages').length).toBe(20);
});
