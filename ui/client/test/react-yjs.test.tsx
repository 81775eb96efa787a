import { StrictMode } from 'react';
import { act, cleanup, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import { Doc } from 'yjs';
import { useKraken } from '../src/react/index.js';
import { useAwareness, usePresence, useYjsDocument } from '../src/react-yjs/index.js';
import type { UseYjsDocumentOptions } from '../src/react-yjs/index.js';
import { FakeSockets, settle } from './fakes.js';

let sockets: FakeSockets;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
  sockets = new FakeSockets();
});

afterEach(async () => {
  cleanup();
  await settle();
  expect(sockets.all.filter(({ isClosed }) => !isClosed)).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const options = (): UseYjsDocumentOptions & { token?: string } => ({
  url: 'wss://kraken.test',
  room: 'room',
  token: 'secret',
  WebSocket: sockets.WebSocket,
});

/** The bytes of an empty document: greeting, and answer. */
const GREETING = Uint8Array.of(0, 0, 1, 0).buffer;
const ANSWER = Uint8Array.of(0, 1, 2, 0, 0).buffer;

async function sync(): Promise<void> {
  await act(async () => {
    await settle();
    sockets.last.onopen?.();
    sockets.last.receive(GREETING);
    await settle();
    sockets.last.receive(ANSWER);
  });
}

function render(initialProps = options()) {
  return renderHook(useYjsDocument, { initialProps, wrapper: StrictMode });
}

describe('useYjsDocument', () => {
  test('is in sync, with one provider and one socket, in strict mode, too', async () => {
    const { result } = render();
    expect(result.current).toMatchObject({ connected: false, synced: false, saved: 'unknown' });
    await sync();
    expect(result.current).toMatchObject({ connected: true, synced: true, saved: 'sent' });
    expect(result.current.status).toEqual({ state: 'connected', synced: true });
    expect(result.current.provider?.doc).toBe(result.current.doc);
    expect(sockets.all).toHaveLength(1);
    act(() => {
      sockets.last.breakWith(1012);
    });
    expect(result.current).toMatchObject({ connected: false, status: { state: 'offline' } });
  });

  test('keeps its document over renders, and changes it with the room', async () => {
    const { result, rerender } = render();
    await sync();
    const { doc, provider } = result.current;
    rerender(options());
    expect(result.current.doc).toBe(doc);
    expect(result.current.provider).toBe(provider);
    rerender({ ...options(), room: 'another' });
    await sync();
    expect(result.current.doc).not.toBe(doc);
    expect(result.current.synced).toBe(true);
    expect(sockets.last.url).toContain('/doc/another');
  });

  test('takes a document that is there already', async () => {
    const doc = new Doc();
    const { result } = render({ ...options(), doc });
    await sync();
    expect(result.current.doc).toBe(doc);
    expect(result.current.provider?.doc).toBe(doc);
  });

  test('tells why it is refused, and comes back with another token', async () => {
    const { result, rerender } = render();
    await sync();
    act(() => {
      sockets.last.breakWith(4401, 'revoked');
    });
    expect(result.current.status).toEqual({ state: 'refused', code: 4401, reason: 'revoked' });
    rerender({ ...options(), token: 'fresh' });
    await sync();
    expect(result.current.synced).toBe(true);
    expect(sockets.last.url).toContain('token=fresh');
  });

  test('shares its socket with useKraken', async () => {
    const given = options();
    const { result } = renderHook(
      () => {
        const document = useYjsDocument(given);
        return { document, kraken: useKraken({ connection: document.connection, name: 'Ann' }) };
      },
      { wrapper: StrictMode },
    );
    await sync();
    act(() => {
      sockets.last.receivePeers([{ peerId: 'bob', name: 'Bob' }]);
    });
    expect(result.current.document.synced).toBe(true);
    expect(result.current.kraken.peers).toMatchObject([{ peerId: 'bob' }]);
    expect(sockets.all).toHaveLength(1);
  });
});

/** Two people in a room, without one. */
function twoPeople(): [Awareness, Awareness] {
  const pair = [new Awareness(new Doc()), new Awareness(new Doc())] as const;
  const [one, other] = pair;
  for (const [from, to] of [pair, [other, one] as const]) {
    from.on('update', ({ added, updated, removed }: Record<string, number[]>, origin: unknown) => {
      if (origin === to) return;
      const changed = [added, updated, removed].flatMap((ids) => ids ?? []);
      applyAwarenessUpdate(to, encodeAwarenessUpdate(from, changed), from);
    });
  }
  return [one, other];
}

describe('awareness', () => {
  let mine: Awareness;
  let theirs: Awareness;

  beforeEach(() => {
    [mine, theirs] = twoPeople();
  });
  afterEach(() => {
    cleanup();
    mine.destroy();
    theirs.destroy();
  });

  test('useAwareness gives a new map for each change, and the same without one', () => {
    const { result, rerender } = renderHook(useAwareness, {
      initialProps: { awareness: mine },
      wrapper: StrictMode,
    });
    const before = result.current;
    rerender({ awareness: mine });
    expect(result.current).toBe(before);
    act(() => {
      theirs.setLocalState({ cursor: 7 });
    });
    expect(result.current).not.toBe(before);
    expect(result.current.get(theirs.clientID)).toEqual({ cursor: 7 });
  });

  test('useAwareness is empty without a provider', () => {
    const { result } = renderHook(useAwareness, { initialProps: null });
    expect(result.current.size).toBe(0);
  });

  test('usePresence shows oneself, and gives the others', () => {
    const { result, rerender, unmount } = renderHook(
      (me: { name: string } | null) => usePresence({ awareness: mine }, me),
      { initialProps: { name: 'Ann' }, wrapper: StrictMode },
    );
    expect(theirs.getStates().get(mine.clientID)).toEqual({ user: { name: 'Ann' } });
    expect(result.current).toEqual([]);
    act(() => {
      theirs.setLocalStateField('user', { name: 'Bob' });
    });
    expect(result.current).toEqual([{ clientId: theirs.clientID, user: { name: 'Bob' } }]);
    const changes = vi.fn();
    theirs.on('change', changes);
    rerender({ name: 'Ann' });
    expect(changes).not.toHaveBeenCalled();
    rerender({ name: 'Anna' });
    expect(theirs.getStates().get(mine.clientID)).toEqual({ user: { name: 'Anna' } });
    unmount();
    expect(theirs.getStates().get(mine.clientID)).toEqual({ user: null });
  });

  test('usePresence may show nothing, or show it elsewhere', () => {
    renderHook(() => usePresence({ awareness: mine }, { x: 1 }, { field: 'pointer' }));
    expect(theirs.getStates().get(mine.clientID)).toEqual({ pointer: { x: 1 } });
    const { result } = renderHook(() => usePresence(null, { name: 'Ann' }));
    expect(result.current).toEqual([]);
  });
});
