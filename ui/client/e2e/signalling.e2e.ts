/** What `KrakenClient` promises without media, with a real server, by both ways in. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Doc } from 'yjs';
import { KrakenClient } from '../src/index.js';
import type { KrakenClientOptions, KrakenEvent, RoomOptions } from '../src/index.js';
import { KrakenProvider } from '../src/yjs/index.js';
import { KrakenServer } from './lib/kraken.js';
import { RawPeer } from './lib/rawPeer.js';
import { until } from './lib/until.js';
import { roomAt, WAYS } from './lib/ways.js';

let server: KrakenServer;
const leaving: (() => void)[] = [];

beforeAll(async () => {
  server = await KrakenServer.create();
});
afterEach(() => {
  for (const leave of leaving.splice(0)) leave();
});
afterAll(() => server.dispose());

interface Participant {
  client: KrakenClient;
  events: KrakenEvent[];
}

async function join(options: KrakenClientOptions): Promise<Participant> {
  const client = new KrakenClient(options);
  const events: KrakenEvent[] = [];
  client.on((event) => events.push(event));
  leaving.push(() => {
    client.disconnect();
  });
  await client.connect();
  return { client, events };
}

async function raw(room: RoomOptions, id: string): Promise<RawPeer> {
  const peer = await RawPeer.announced(room, id);
  leaving.push(() => {
    peer.close();
  });
  return peer;
}

function sees(client: KrakenClient, peerIds: string[]): Promise<void> {
  return until(
    () => client.peers.map(({ peerId }) => peerId).join() === peerIds.join(),
    (check) => client.on(check),
  );
}

function document(room: RoomOptions): KrakenProvider {
  const provider = new KrakenProvider({ ...room, doc: new Doc() });
  leaving.push(() => {
    provider.destroy();
  });
  return provider;
}

function synced(provider: KrakenProvider): Promise<void> {
  return until(
    () => provider.synced,
    (check) => {
      provider.on('change', check);
      return () => {
        provider.off('change', check);
      };
    },
  );
}

function reads({ doc }: KrakenProvider, content: string): Promise<void> {
  return until(
    () => doc.getText('content').toJSON() === content,
    (check) => {
      doc.on('update', check);
      return () => {
        doc.off('update', check);
      };
    },
  );
}

/** That edits pass between two documents. */
async function areTheSame(one: KrakenProvider, other: KrakenProvider): Promise<void> {
  const text = one.doc.getText('content');
  text.insert(text.length, '.');
  await reads(other, text.toJSON());
}

describe.for(WAYS)('participants $name', (way) => {
  test('see each other come and go, with what they say of themselves', async () => {
    const room = await roomAt(server, way);
    const ann = await join({ ...room, peerId: 'ann' });
    const bob = await join({ ...room, peerId: 'bob', name: 'Bob', metadata: { colour: 'red' } });
    expect(bob.client.peers).toEqual([{ peerId: 'ann', name: null, metadata: null }]);
    await sees(ann.client, ['bob']);
    expect(ann.client.peers).toEqual([{ peerId: 'bob', name: 'Bob', metadata: { colour: 'red' } }]);
    bob.client.disconnect();
    await sees(ann.client, []);
  });

  test('are known by what the server says they are', async () => {
    const room = await roomAt(server, way);
    const bob = await raw(room, 'bob');
    const eve = await raw(room, 'eve');
    eve.signal({ type: 1, from: 'ann', to: 'bob', sdp: 'hers' });
    expect(await eve.hears(({ code }) => code === 'wrong_from')).toBeDefined();
    eve.signal({ type: 1, to: 'bob', sdp: 'hers' });
    expect(await bob.hears(({ type }) => type === 1)).toMatchObject({ from: 'eve', sdp: 'hers' });
    expect(bob.heard.filter(({ type }) => type === 1)).toHaveLength(1);
  });

  test('wait for a peer id until its earlier connection is gone', async () => {
    const room = await roomAt(server, way);
    const earlier = await raw(room, 'ann');
    const ann = join({ ...room, peerId: 'ann' });
    const bob = await join({ ...room, peerId: 'bob' });
    earlier.close();
    await ann;
    await sees(bob.client, ['ann']);
  });

  test('find each other again after a restart of the server', async () => {
    const room = await roomAt(server, way);
    const ann = await join({ ...room, peerId: 'ann' });
    const bob = await join({ ...room, peerId: 'bob' });
    await sees(ann.client, ['bob']);
    await server.restart();
    for (const { client } of [ann, bob]) {
      await until(
        () => client.status === 'connected' && client.peers.length === 1,
        (check) => client.on(check),
      );
    }
    expect(ann.events).toContainEqual(
      expect.objectContaining({ type: 'status', status: 'reconnecting' }),
    );
  });

  test('share the socket of the document, and leave it to the document', async () => {
    const room = await roomAt(server, way);
    const [here, there] = [document(room), document(room)];
    const { client } = await join({ connection: here.connection, peerId: 'ann' });
    const bob = await raw(room, 'bob');
    await sees(client, ['bob']);
    await Promise.all([synced(here), synced(there)]);
    await areTheSame(here, there);

    client.disconnect();
    await bob.hears(({ type, peerId }) => type === 7 && peerId === 'ann');
    await synced(here);
    await areTheSame(there, here);

    await client.connect();
    await bob.hears(({ type }) => type === 6);
    await areTheSame(here, there);
  });

  test('keep the socket when the document leaves, which may come back', async () => {
    const room = await roomAt(server, way);
    const other = document(room);
    const provider = document(room);
    const { client, events } = await join({ connection: provider.connection, peerId: 'ann' });
    await Promise.all([synced(provider), synced(other)]);
    provider.disconnect();
    expect(client.status).toBe('connected');
    const bob = await raw(room, 'bob');
    await sees(client, ['bob']);

    const text = provider.doc.getText('content');
    text.insert(0, 'offline');
    provider.connect();
    await synced(provider);
    await reads(other, 'offline');
    await until(
      () => client.status === 'connected' && client.peers.length === 1,
      (check) => client.on(check),
    );
    expect(bob.closeCode).toBeNull();
    expect(events.filter(({ type }) => type === 'error')).toEqual([]);
  });
});

/** Enough to notice if it were kept, or sent on to everybody. */
const FLOOD = 5_000;
const TEN_MEGABYTES = 10 * 1024 * 1024;

const ATTACKS: readonly [string, (eve: RawPeer) => Promise<unknown>][] = [
  [
    'speaks for another',
    async (eve) => {
      for (let type = 0; type <= 4; type += 1)
        eve.signal({ type, from: 'ann', to: 'bob', sdp: '' });
      await eve.hears(({ code }) => code === 'wrong_from');
    },
  ],
  [
    'speaks for the server',
    async (eve) => {
      eve.signal({ type: 5, to: 'ann', peers: [] });
      eve.signal({ type: 7, to: 'ann', peerId: 'bob' });
      await eve.hears(({ code }) => code === 'bad_signal');
    },
  ],
  [
    'uses types that there are not',
    async (eve) => {
      for (const type of [8, -1, 1.5, '1', null, {}, 1e308]) eve.signal({ type, to: 'ann' });
      await eve.hears(({ code }) => code === 'bad_signal');
    },
  ],
  [
    'sends a session description of 10 MB',
    async (eve) => {
      eve.signal({ type: 1, to: 'ann', callId: 'x', sdp: 'v'.repeat(TEN_MEGABYTES) });
      await Promise.race([eve.hears(({ code }) => code === 'too_large'), eve.closes()]);
    },
  ],
  [
    'sends JSON that is nested without end',
    async (eve) => {
      eve.send(`{"kraken":"signal","signal":${'['.repeat(30_000)}`);
      eve.send(`{"kraken":"signal","signal":{"type":0,"x":${'{"x":'.repeat(10_000)}`);
      eve.signal({ type: 2, to: 'nobody' });
      await eve.hears(({ code }) => code === 'no_such_peer');
    },
  ],
  [
    'sends text that is no JSON',
    async (eve) => {
      for (const text of ['', '{', 'null', '[]', '0', '"kraken"', '\u0000', '{"kraken":1}']) {
        eve.send(text);
      }
      eve.signal({ type: 2, to: 'nobody' });
      await eve.hears(({ code }) => code === 'no_such_peer');
    },
  ],
  [
    'floods with candidates of calls that there are not',
    async (eve) => {
      for (let count = 0; count < FLOOD; count += 1) {
        eve.signal({ type: 3, to: 'ann', callId: String(count), candidate: { candidate: 'x' } });
      }
      eve.signal({ type: 2, to: 'nobody' });
      await eve.hears(({ code }) => code === 'no_such_peer');
    },
  ],
  [
    'announces itself without end',
    async (eve) => {
      for (let count = 0; count < FLOOD; count += 1) {
        eve.signal({ type: 0, from: 'eve', name: String(count) });
      }
      eve.signal({ type: 2, to: 'nobody' });
      await eve.hears(({ code }) => code === 'no_such_peer');
    },
  ],
];

describe.for(WAYS)('nobody is hurt $name by who', (way) => {
  test.for(ATTACKS)('%s', async ([, attack]) => {
    const room = await roomAt(server, way);
    const [here, there] = [document(room), document(room)];
    const ann = await join({ connection: here.connection, peerId: 'ann' });
    const bob = await join({ connection: there.connection, peerId: 'bob' });
    await Promise.all([synced(here), synced(there)]);
    const eve = await raw(room, 'eve');
    await sees(ann.client, ['bob', 'eve']);
    for (const { events } of [ann, bob]) events.length = 0;

    await attack(eve);

    await areTheSame(here, there);
    await areTheSame(there, here);
    eve.close();
    await Promise.all([sees(ann.client, ['bob']), sees(bob.client, ['ann'])]);
    // Nothing has rung, broken off, or been complained about.
    const harm = [...ann.events, ...bob.events].filter(({ type }) => !type.startsWith('peer'));
    expect(harm).toEqual([]);
  });
});
