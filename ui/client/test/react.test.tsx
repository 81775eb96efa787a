import { StrictMode } from 'react';
import { act, cleanup, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { KrakenClient } from '../src/index.js';
import { useKraken, useVideoCall } from '../src/react/index.js';
import type { UseKrakenOptions, UseVideoCallOptions } from '../src/react/index.js';
import { SignalType } from '../src/protocol.js';
import { FakePeerConnection, FakeRoom, settle, stubBrowser } from './fakes.js';
import type { FakeDevices } from './fakes.js';

let room: FakeRoom;
let browser: FakeDevices;
let bob: KrakenClient;

beforeEach(async () => {
  vi.useFakeTimers();
  room = new FakeRoom();
  browser = stubBrowser();
  bob = new KrakenClient(optionsOf('bob'));
  void bob.connect();
  await settle();
});

afterEach(async () => {
  cleanup();
  bob.disconnect();
  await settle();
  expect(browser.tracks.filter(({ readyState }) => readyState === 'live')).toEqual([]);
  expect(room.members.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function optionsOf(peerId: string): UseKrakenOptions {
  const { WebSocket } = room;
  return {
    url: 'wss://kraken.test',
    token: 'secret',
    room: 'room',
    name: peerId,
    peerId,
    WebSocket,
  };
}

async function settleInReact(): Promise<void> {
  await act(settle);
}

async function inRoom(initialProps = optionsOf('ann')) {
  const hook = renderHook(useKraken, { initialProps, wrapper: StrictMode });
  await settleInReact();
  return hook;
}

type CallOptions = Omit<UseVideoCallOptions, 'signaling'>;

async function inCall(callOptions: CallOptions = {}) {
  const options = optionsOf('ann');
  const hook = renderHook(
    (props: CallOptions) => {
      const { signaling } = useKraken(options);
      return useVideoCall({ signaling, ...props });
    },
    { initialProps: callOptions, wrapper: StrictMode },
  );
  await settleInReact();
  return hook;
}

describe('useKraken', () => {
  test('is connected and sees the peers, once, in strict mode, too', async () => {
    const { result } = await inRoom();
    expect(result.current).toMatchObject({
      status: 'connected',
      error: null,
      peers: [{ peerId: 'bob' }],
    });
    expect(bob.peers).toHaveLength(1);
    act(() => {
      bob.disconnect();
    });
    expect(result.current.peers).toEqual([]);
  });

  test('leaves with its component', async () => {
    const { unmount } = await inRoom();
    unmount();
    expect(bob.peers).toEqual([]);
  });

  test('keeps its client over renders, and changes it with its room', async () => {
    const { result, rerender } = await inRoom();
    const { client } = result.current;
    rerender({ ...optionsOf('ann'), token: () => 'another' });
    await settleInReact();
    expect(result.current.client).toBe(client);
    rerender({ ...optionsOf('ann'), room: 'another' });
    await settleInReact();
    expect(result.current.client).not.toBe(client);
    expect(result.current.status).toBe('connected');
    expect(client.status).toBe('closed');
  });

  test('tells why it is refused, and comes back with another token', async () => {
    const { result, rerender } = await inRoom();
    act(() => {
      room.socketOf('ann').breakWith(4401);
    });
    expect(result.current).toMatchObject({
      status: 'closed',
      error: { code: 'refused', closeCode: 4401 },
    });
    rerender({ ...optionsOf('ann'), token: 'fresh' });
    await settleInReact();
    expect(result.current).toMatchObject({ status: 'connected', error: null });
    expect(room.socketOf('ann').url).toContain('token=fresh');
  });
});

describe('useVideoCall', () => {
  test('calls, shows both streams, and hangs up', async () => {
    bob.on((event) => {
      if (event.type === 'call-incoming') event.accept().catch(() => undefined);
    });
    const { result } = await inCall({ video: true, audio: true });
    expect(result.current.localStream).toBeNull();
    await act(async () => {
      const call = result.current.call('bob');
      await settle();
      await call;
    });
    expect(result.current.localStream?.getTracks()).toHaveLength(2);
    expect(Array.from(result.current.remoteStreams).map(([peerId]) => peerId)).toEqual(['bob']);
    act(() => {
      result.current.hangup();
    });
    expect(result.current.localStream).toBeNull();
    expect(result.current.remoteStreams.size).toBe(0);
    await settleInReact();
  });

  test('answers by itself, with what it was given', async () => {
    const { result } = await inCall({ video: false });
    await act(async () => {
      const call = bob.call('ann', { audio: false });
      await settle();
      await call;
    });
    expect(result.current.remoteStreams.has('bob')).toBe(true);
    expect(result.current.incoming).toEqual([]);
    expect(browser.getUserMedia.mock.calls).toEqual([[{ video: true }], [{ audio: true }]]);
  });

  test('asks first if it should', async () => {
    const { result } = await inCall({ autoAnswer: false });
    const call = bob.call('ann');
    await settleInReact();
    expect(result.current.incoming).toMatchObject([{ from: { peerId: 'bob' } }]);
    act(() => void result.current.accept('bob'));
    expect(result.current.incoming).toEqual([]);
    await settleInReact();
    await call;
    expect(result.current.remoteStreams.has('bob')).toBe(true);
  });

  test('rejects', async () => {
    const { result } = await inCall({ autoAnswer: false });
    const call = expect(bob.call('ann')).rejects.toThrow('rejected');
    await settleInReact();
    act(() => {
      result.current.reject('bob');
    });
    await settleInReact();
    await call;
    expect(result.current.incoming).toEqual([]);
  });

  test('has the error of a call that fails, until the next', async () => {
    const { result } = await inCall();
    await act(() => result.current.call('nobody'));
    expect(result.current.error).toMatchObject({ message: "nobody isn't in the room" });
    act(() => void result.current.call('bob'));
    expect(result.current.error).toBeNull();
    await settleInReact();
  });

  test('its functions stay the same', async () => {
    const { result, rerender } = await inCall({ video: true });
    const { call, hangup, accept, reject } = result.current;
    rerender({ video: false });
    expect(result.current).toMatchObject({ call, hangup, accept, reject });
  });

  test('hangs up with its component', async () => {
    const { result, unmount } = await inCall();
    const call = bob.call('ann');
    await settleInReact();
    await call;
    expect(result.current.remoteStreams.size).toBe(1);
    const socket = room.socketOf('ann');
    unmount();
    await settle();
    expect(socket.sent.at(-1)).toMatchObject({ type: SignalType.Hangup, to: 'bob' });
    expect(FakePeerConnection.all.every(({ isClosed }) => isClosed)).toBe(true);
  });
});
