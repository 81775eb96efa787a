import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Person } from './browser.ts';
import type { World } from './world.ts';

/** Rooms as they look when people are in them: what pictures are taken of. */
export const ROOM = 'launch-plan';

const TEXT = `# Launch plan

We open the **harbour café** on Friday, and everybody helps.

## Before noon
- [x] Print the menus
- [x] Call the *bakery*
- [ ] Hang up the lanterns
- [ ] Test the till, [as last time](https://example.com)

## Who does what
1. Ada opens the doors
2. Mara looks after the kitchen
3. Jonas plays something

> If it rains, we put the tables under the roof.

`;

const BOX = { width: 190, height: 100 };
const SHAPES = [
  {
    kind: 'note',
    paint: 'amber',
    x: -330,
    y: -210,
    width: 180,
    height: 140,
    text: 'Ask the neighbours for chairs',
  },
  {
    kind: 'note',
    paint: 'pink',
    x: -330,
    y: -40,
    width: 180,
    height: 140,
    text: 'Music from seven, not too loud',
  },
  { kind: 'rectangle', paint: 'teal', x: -60, y: -190, ...BOX, text: 'Kitchen' },
  { kind: 'rectangle', paint: 'teal', x: -60, y: 20, ...BOX, text: 'Counter' },
  { kind: 'ellipse', paint: 'violet', x: 190, y: -90, width: 180, height: 120, text: 'Guests' },
  { kind: 'arrow', paint: 'ink', x: 35, y: -85, dx: 0, dy: 95 },
  { kind: 'arrow', paint: 'ink', x: 135, y: 65, dx: 70, dy: -50 },
  {
    kind: 'stroke',
    paint: 'green',
    x: 190,
    y: 70,
    points: [0, 0, 20, -8, 42, 2, 64, -8, 86, 2, 108, -8, 130, 2, 152, -8],
  },
] as const;

/** Fills a room, by the hand of somebody who is there. */
export async function fillRoom(world: World): Promise<void> {
  const yjs = await import('yjs');
  const { WebsocketProvider } = await import('y-websocket');
  const doc = new yjs.Doc();
  const token = await world.server.roomToken(ROOM);
  const provider = new WebsocketProvider(`ws://127.0.0.1:${String(world.server.port)}`, ROOM, doc, {
    params: { token },
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
  });
  await new Promise((resolve) => {
    provider.once('sync', resolve);
  });
  doc.getText('content').insert(0, TEXT);
  doc.getMap('room').set('title', 'Launch plan');
  const board = doc.getMap('board');
  SHAPES.forEach((shape, layer) => {
    board.set(`shape-${String(layer)}`, new yjs.Map(Object.entries({ ...shape, layer })));
  });
  // A second sync comes back only after what was sent before it.
  const seen = new Promise((resolve) => {
    provider.once('sync', resolve);
  });
  provider.disconnect();
  provider.connect();
  await seen;
  provider.destroy();
}

/** Rooms and stores with people in them, until what is returned is called. */
export async function populate(world: World): Promise<() => void> {
  const server = `ws://127.0.0.1:${String(world.server.port)}`;
  const rooms = { 'team/retro': 3, 'harbour-café/menu': 2, 'songs for friday': 1, shopping: 1 };
  const stores = { recipes: 2, inventory: 1 };
  await world.server.api('PATCH', '/settings', { sds: { secret: STORE_SECRET, persist: true } });
  const sockets = await Promise.all([
    ...times(rooms, async (room) => {
      const token = await world.server.roomToken(room);
      return connect(`${server}/doc/${encodeURIComponent(room)}?token=${token}`);
    }),
    ...times(stores, async (store) => {
      const socket = await connect(`${server}/ws/${store}?token=${storeToken(store)}`);
      // A patch, which stores keep as it is.
      socket.send(Buffer.from([1, ...Buffer.from('flour, sugar, eggs')]));
      return socket;
    }),
  ]);
  return () => {
    for (const socket of sockets) socket.terminate();
  };
}

const STORE_SECRET = 'a-secret-of-stores-with-32-letters-at-least';

function times<T>(wanted: Record<string, number>, make: (name: string) => T): T[] {
  return Object.entries(wanted).flatMap(([name, count]) =>
    Array.from({ length: count }, () => make(name)),
  );
}

async function connect(address: string): Promise<WebSocket> {
  const socket = new WebSocket(address);
  await once(socket, 'open');
  return socket;
}

function storeToken(store: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256' })}.${part({ sub: 'ada', aud: store, scope: 'write' })}`;
  return `${text}.${createHmac('sha256', STORE_SECRET).update(text).digest('base64url')}`;
}

/** Sets somebody's cursor behind a text. */
export async function pointAt(person: Person, text: string): Promise<void> {
  await person.text.getByText(text).first().click();
  await person.page.keyboard.press('End');
}
