import { StrictMode } from 'react';
import { act, cleanup, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { useCall } from '../src/react/index.js';
import type { UseCallOptions } from '../src/react/index.js';
import { settle, stubBrowser } from './fakes.js';
import type { FakeDevices } from './fakes.js';
import { FakeEngine, FakeLinkConnection, memberWith } from './groupFakes.js';

let engine: FakeEngine;
let browser: FakeDevices;
let options: UseCallOptions;

beforeEach(() => {
  vi.useFakeTimers();
  engine = new FakeEngine();
  browser = stubBrowser();
  FakeLinkConnection.all = [];
  vi.stubGlobal('RTCPeerConnection', FakeLinkConnection);
  const { WebSocket } = engine.sockets;
  options = { url: 'wss://kraken.test', room: 'room', token: 'secret', peerId: 'ann', WebSocket };
});

afterEach(async () => {
  cleanup();
  await settle();
  expect(FakeLinkConnection.all.filter(({ isClosed }) => !isClosed)).toEqual([]);
  expect(browser.tracks.filter(({ readyState }) => readyState === 'live')).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

async function inCall(initialProps = options) {
  const hook = renderHook(useCall, { initialProps, wrapper: StrictMode });
  await act(() => engine.open());
  return hook;
}

test('is in the call, once, in strict mode, too, and shows who else is', async () => {
  engine.peers = [memberWith('bob', 'voice')];
  const { result } = await inCall();
  expect(result.current).toMatchObject({
    status: { state: 'joined' },
    peers: [{ peerId: 'bob' }],
    error: null,
  });
  expect(engine.said('join')).toHaveLength(1);
  expect(result.current.published.map(({ source }) => source)).toEqual(['microphone', 'camera']);
});

test('sends what it is given, and no longer what it is not', async () => {
  const { result, rerender } = await inCall({ ...options, camera: false });
  expect(browser.getUserMedia.mock.calls).toEqual([[{ audio: true }]]);
  rerender({ ...options, camera: { width: 640 } });
  await act(settle);
  expect(browser.getUserMedia.mock.lastCall).toEqual([{ video: { width: 640 } }]);
  rerender({ ...options, microphone: false, camera: { width: 640 } });
  await act(settle);
  expect(result.current.published.map(({ source }) => source)).toEqual(['camera']);
  expect(browser.getUserMedia).toHaveBeenCalledTimes(2);
});

test('opens nothing for who may only receive', async () => {
  engine.rights = { mayPublish: false, mayModerate: false };
  const { result } = await inCall();
  expect(result.current).toMatchObject({ status: { state: 'joined' }, error: null });
  expect(browser.getUserMedia).not.toHaveBeenCalled();
});

test('tells why it is refused, and comes with another token', async () => {
  engine.answersJoin = false;
  const { result, rerender } = await inCall();
  await act(() => engine.refuse('locked'));
  expect(result.current).toMatchObject({
    status: { state: 'ended', because: 'refused' },
    error: { reason: 'locked' },
  });
  engine.answersJoin = true;
  rerender({ ...options, token: 'of an admin' });
  await act(() => engine.open());
  expect(result.current).toMatchObject({ status: { state: 'joined' }, error: null });
});

test('tells that there is no camera, and is in the call without', async () => {
  browser.getUserMedia.mockImplementation((constraints) =>
    'video' in constraints ? Promise.reject(new Error('denied')) : browser.open(constraints),
  );
  const { result } = await inCall();
  expect(result.current.error).toMatchObject({ code: 'media', message: 'no camera: denied' });
  expect(result.current.published.map(({ source }) => source)).toEqual(['microphone']);
});

test('keeps its call over renders, and changes it with its room', async () => {
  const { result, rerender } = await inCall();
  const { call } = result.current;
  rerender({ ...options });
  expect(result.current.call).toBe(call);
  rerender({ ...options, room: 'another' });
  await act(() => engine.open());
  expect(result.current.call).not.toBe(call);
  expect(call.state.status).toEqual({ state: 'out' });
});

test('leaves with its component', async () => {
  const { unmount } = await inCall();
  const { socket } = engine;
  unmount();
  expect(socket.said.at(-1)).toEqual({ type: 'leave' });
  expect(socket.isClosed).toBe(true);
});
