import type { KrakenClient, KrakenEvent } from '@kraken/client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { Huddle } from '../src/room/call/Huddle.ts';

/** Stands in for the part of a client that goes out to other browsers. */
class FakeClient {
  readonly calls: string[] = [];
  readonly remoteStreams = new Map<string, MediaStream>();
  peers: { peerId: string }[] = [];
  localStream: MediaStream | null = null;
  readonly accept = vi.fn(() => Promise.resolve());
  readonly reject = vi.fn();
  readonly hangup = vi.fn();
  readonly mute = vi.fn();
  readonly call = vi.fn((peerId: string) => {
    this.calls.push(peerId);
    return new Promise<void>(() => undefined);
  });
  readonly peerId: string;
  #listener: (event: KrakenEvent) => void = () => undefined;

  constructor(peerId: string) {
    this.peerId = peerId;
  }

  on(listener: (event: KrakenEvent) => void): () => void {
    this.#listener = listener;
    return () => undefined;
  }

  hear(event: KrakenEvent): void {
    this.#listener(event);
  }
}

const stop = vi.fn();
const getUserMedia = vi.fn();
const BOB = { peerId: 'bob', name: null, metadata: null };

beforeEach(() => {
  stop.mockClear();
  getUserMedia
    .mockReset()
    .mockImplementation(() =>
      Promise.resolve({ getTracks: () => [{ kind: 'audio', enabled: true, stop }] }),
    );
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } });
});

describe('a huddle', () => {
  const awareness = new Awareness(new Y.Doc());
  const other = new Awareness(new Y.Doc());
  let client: FakeClient;
  let huddle: Huddle;
  let leave: () => void;

  beforeEach(() => {
    client = new FakeClient('ada');
    huddle = new Huddle(client as unknown as KrakenClient, awareness);
    leave = huddle.watch();
  });
  afterEach(() => {
    leave();
    show(null);
  });

  function show(call: Record<string, unknown> | null): void {
    other.setLocalState({ user: { name: 'Bob', color: '#5f3dc4' }, call });
    applyAwarenessUpdate(awareness, encodeAwarenessUpdate(other, [other.clientID]), 'network');
  }

  const bobSince = (since: number) => {
    client.peers = [BOB];
    show({ peerId: 'bob', since, audio: true, video: false, screen: false });
  };

  test('whoever comes later calls those who are there', async () => {
    bobSince(1);
    expect(huddle.state.participants).toMatchObject([{ name: 'Bob', link: 'connecting' }]);
    expect(client.calls).toEqual([]);
    await huddle.join({ audio: true, video: false });
    expect(client.calls).toEqual(['bob']);
  });

  test('whoever was there first waits to be called, and answers', async () => {
    await huddle.join({ audio: true, video: false });
    bobSince(Date.now() + 60_000);
    expect(client.calls).toEqual([]);
    client.hear({
      type: 'call-incoming',
      from: BOB,
      callId: '1',
      media: { audio: true, video: false },
      accept: () => Promise.resolve(),
      reject: () => undefined,
    });
    expect(client.accept).toHaveBeenCalledWith('bob', { audio: true, video: false });
  });

  test('nobody outside the call is ever answered', () => {
    client.hear({
      type: 'call-incoming',
      from: BOB,
      callId: '1',
      media: { audio: true, video: true },
      accept: () => Promise.resolve(),
      reject: () => undefined,
    });
    expect(client.reject).toHaveBeenCalledWith('bob');
    expect(client.accept).not.toHaveBeenCalled();
    expect(getUserMedia).not.toHaveBeenCalled();
  });

  test('others see that somebody is in the call, muted, and gone', async () => {
    await huddle.join({ audio: true, video: false });
    expect(awareness.getLocalState()?.['call']).toMatchObject({ peerId: 'ada', audio: true });
    huddle.setAudio(false);
    expect(client.mute).toHaveBeenLastCalledWith('audio', true);
    expect(awareness.getLocalState()?.['call']).toMatchObject({ audio: false });
    huddle.leave();
    expect(awareness.getLocalState()?.['call']).toBeNull();
    expect(client.hangup).toHaveBeenCalled();
    expect(stop).toHaveBeenCalled();
  });

  test('without a microphone there is no call, and the reason is told', async () => {
    getUserMedia.mockRejectedValue(new DOMException('denied', 'NotAllowedError'));
    await huddle.join({ audio: true, video: true });
    expect(huddle.state).toMatchObject({ phase: 'out' });
    expect(huddle.state.error).toContain('Allow them');
  });

  test('whoever leaves while the browser still asks is not in the call afterwards', async () => {
    const joining = huddle.join({ audio: true, video: false });
    huddle.leave();
    await joining;
    expect(huddle.state).toMatchObject({ phase: 'out' });
    expect(awareness.getLocalState()?.['call'] ?? null).toBeNull();
    expect(stop).toHaveBeenCalled();
  });

  test('whoever is muted stays so when the camera is turned on', async () => {
    await huddle.join({ audio: true, video: false });
    huddle.setAudio(false);
    huddle.setVideo(true);
    await vi.waitFor(() => {
      expect(huddle.state).toMatchObject({ phase: 'in', audio: false, video: true });
    });
    expect(client.mute.mock.calls.findLast(([kind]) => kind === 'audio')).toEqual(['audio', true]);
  });

  test('a connection that fails can be tried again', async () => {
    bobSince(1);
    await huddle.join({ audio: true, video: false });
    client.call.mockImplementation(() => Promise.resolve());
    client.hear({ type: 'call-ended', peerId: 'bob', peer: BOB, reason: 'failed' });
    expect(huddle.state.participants).toMatchObject([{ link: 'failed' }]);
  });

  test('what others say of themselves may be nonsense', () => {
    show({ peerId: 7, since: 'x' });
    expect(huddle.state.participants).toEqual([]);
  });

  test('a camera that was off is turned on by joining anew', async () => {
    await huddle.join({ audio: true, video: false });
    huddle.setVideo(true);
    await vi.waitFor(() => {
      expect(huddle.state).toMatchObject({ phase: 'in', video: true });
    });
    expect(getUserMedia).toHaveBeenLastCalledWith({ audio: true, video: true });
  });
});
