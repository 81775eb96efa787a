import { KrakenError } from '@kraken/client';
import type { KrakenClient, KrakenEvent } from '@kraken/client';
import type { CallEvent, CallState, CallStatus, GroupCall } from '@kraken/client/call';
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
  screen: MediaStreamTrack | null = null;
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

/** A track that counts as arrived unless a test says otherwise. */
class FakeTrack {
  enabled = true;
  muted = false;
  readonly stop = vi.fn();
  /** Tells that something has come. */
  heard: () => void = () => undefined;
  readonly kind: string;

  constructor(kind = 'audio') {
    this.kind = kind;
  }

  addEventListener(_type: 'unmute', listener: () => void): void {
    this.heard = listener;
  }

  clone(): FakeTrack {
    return new FakeTrack(this.kind);
  }
}

/** Stands in for a call through the engine, which lets in whom the test lets in. */
class FakeGroupCall {
  state: CallState = {
    status: { state: 'out' },
    peers: [],
    published: [],
    speaking: [],
    spoken: [],
    mayPublish: true,
    mayModerate: false,
    locked: false,
    recorded: false,
    quality: 'unknown',
    estimate: null,
  };
  refusal: KrakenError | null = null;
  readonly mute = vi.fn();
  readonly lock = vi.fn();
  readonly setDevices = vi.fn(() => Promise.resolve());
  readonly join = vi.fn(async () => {
    this.become({ state: 'joining' });
    await Promise.resolve();
    if (this.refusal !== null) {
      this.become({ state: 'ended', because: 'refused', error: this.refusal });
      throw this.refusal;
    }
    this.become({ state: 'joined' });
  });
  readonly leave = vi.fn(() => {
    if (this.state.status.state !== 'out') this.become({ state: 'out' });
  });
  readonly publish = vi.fn((source: 'camera' | 'microphone', media: MediaStreamTrack) => {
    const track = { id: source, source, media, muted: false };
    this.change({ published: [...this.state.published, track] });
    return Promise.resolve();
  });
  #listener: (event: CallEvent) => void = () => undefined;

  on(listener: (event: CallEvent) => void): () => void {
    this.#listener = listener;
    return () => undefined;
  }

  hear(event: CallEvent): void {
    this.#listener(event);
  }

  become(status: CallStatus): void {
    this.change({ status });
  }

  change(change: Partial<CallState>): void {
    this.state = { ...this.state, ...change };
    this.hear({ type: 'change', state: this.state });
  }

  /** Somebody who is heard through the engine. */
  showPeer(peerId: string, media: FakeTrack): void {
    const track = {
      id: `voice of ${peerId}`,
      kind: 'audio',
      source: 'microphone',
      muted: false,
      media: media as unknown as MediaStreamTrack,
      layer: null,
      paused: false,
    } as const;
    const peer = { peerId, name: null, metadata: null, tracks: [track] };
    this.change({ peers: [...this.state.peers, peer] });
  }
}

class FakeStream {
  readonly tracks: FakeTrack[];

  constructor(tracks: FakeTrack[] = []) {
    this.tracks = tracks;
  }

  getTracks(): FakeTrack[] {
    return this.tracks;
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
      Promise.resolve(new FakeStream([Object.assign(new FakeTrack(), { stop })])),
    );
  vi.stubGlobal('MediaStream', FakeStream);
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } });
});

describe('a huddle', () => {
  const awareness = new Awareness(new Y.Doc());
  const other = new Awareness(new Y.Doc());
  let client: FakeClient;
  let call: FakeGroupCall;
  let huddle: Huddle;
  let leave: () => void;

  beforeEach(() => {
    client = new FakeClient('ada');
    call = new FakeGroupCall();
    huddle = new Huddle(
      client as unknown as KrakenClient,
      awareness,
      () => Promise.resolve(call as unknown as GroupCall),
    );
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
    expect(getUserMedia).toHaveBeenLastCalledWith({
      audio: true,
      video: { width: { ideal: 1280 } },
    });
  });

  describe('of three', () => {
    const eve = new Awareness(new Y.Doc());
    const EVE = { peerId: 'eve', name: null, metadata: null };

    afterEach(() => {
      showEve(null);
      vi.useRealTimers();
    });

    function showEve(state: Record<string, unknown> | null): void {
      eve.setLocalState({ user: { name: 'Eve' }, call: state });
      applyAwarenessUpdate(awareness, encodeAwarenessUpdate(eve, [eve.clientID]), 'network');
    }

    /** Ada and Bob are connected directly, and Eve comes in. */
    async function thirdComes(): Promise<void> {
      vi.useFakeTimers();
      client.remoteStreams.set('bob', new FakeStream() as unknown as MediaStream);
      bobSince(1);
      await huddle.join({ audio: true, video: false });
      client.peers = [BOB, EVE];
      showEve({ peerId: 'eve', since: Date.now() + 1, audio: true });
      await vi.advanceTimersByTimeAsync(0);
    }

    const ownPresence = () => awareness.getLocalState()?.['call'] as Record<string, unknown>;

    test('UI3: the third moves it to the engine, with copies of what is open', async () => {
      await thirdComes();
      expect(call.join).toHaveBeenCalledOnce();
      expect(ownPresence()).toMatchObject({ group: true });
      expect(call.publish.mock.calls.map(([source]) => source)).toEqual(['microphone']);
      expect(getUserMedia).toHaveBeenCalledOnce();
      expect(huddle.state.group).toMatchObject({ isLocked: false, isReconnecting: false });
    });

    test('UI3: a direct connection ends once its peer has arrived through the engine', async () => {
      await thirdComes();
      const direct = client.remoteStreams.get('bob');
      const track = new FakeTrack();
      track.muted = true;
      call.showPeer('bob', track);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(client.hangup).not.toHaveBeenCalled();
      expect(huddle.state.participants[0]).toMatchObject({ stream: direct, link: 'connected' });
      track.muted = false;
      track.heard();
      expect(huddle.state.participants[0]?.stream).not.toBe(direct);
      await vi.advanceTimersByTimeAsync(2_000);
      expect(client.hangup).toHaveBeenCalledWith('bob');
    });

    test('UI3: without an engine people go on calling each other', async () => {
      call.refusal = new KrakenError('call-refused', 'none', { reason: 'no_engine' });
      await thirdComes();
      expect(huddle.state).toMatchObject({ phase: 'in', group: null, error: null });
      expect(ownPresence()).toMatchObject({ group: false });
      showEve({ peerId: 'eve', since: 0, audio: true });
      expect(client.calls).toContain('eve');
      expect(call.join).toHaveBeenCalledOnce();
    });

    test('whoever does not come along is called directly after a while', async () => {
      await thirdComes();
      showEve({ peerId: 'eve', since: 0, audio: true });
      expect(client.calls).not.toContain('eve');
      await vi.advanceTimersByTimeAsync(4_000);
      expect(client.calls).toContain('eve');
    });

    test('who comes to a call of the engine is in it at once, or told why not', async () => {
      client.peers = [BOB];
      show({ peerId: 'bob', since: 1, audio: true, group: true });
      call.refusal = new KrakenError('call-refused', 'locked', { reason: 'locked' });
      await huddle.join({ audio: true, video: false });
      expect(huddle.state).toMatchObject({ phase: 'out' });
      expect(huddle.state.error).toContain('locked');
      expect(stop).toHaveBeenCalled();
      expect(client.calls).toEqual([]);
      call.refusal = null;
      await huddle.join({ audio: true, video: false });
      expect(huddle.state).toMatchObject({ phase: 'in', error: null });
      expect(ownPresence()).toMatchObject({ group: true });
      expect(client.calls).toEqual([]);
    });

    test('the latest speakers come first', async () => {
      await thirdComes();
      call.change({ spoken: ['eve', 'bob'], speaking: ['eve'] });
      expect(huddle.state.participants.map(({ name }) => name)).toEqual(['Eve', 'Bob']);
      call.change({ spoken: ['bob', 'eve'] });
      expect(huddle.state.participants.map(({ name }) => name)).toEqual(['Bob', 'Eve']);
    });

    test('whom an admin mutes sees that, and is shown as muted', async () => {
      await thirdComes();
      call.hear({ type: 'muted', source: 'microphone' });
      expect(huddle.state).toMatchObject({ audio: false });
      expect(huddle.state.note).toContain('microphone');
      expect(ownPresence()).toMatchObject({ audio: false });
      huddle.setAudio(true);
      expect(call.mute).toHaveBeenLastCalledWith('microphone', false);
      expect(huddle.state.note).toBeNull();
    });

    test('whom an admin removes is out, and knows why', async () => {
      await thirdComes();
      const error = new KrakenError('call-ended', 'removed', { reason: 'removed' });
      call.become({ state: 'ended', because: 'removed', error });
      expect(huddle.state).toMatchObject({ phase: 'out', error: 'You were removed from the call.' });
      expect(ownPresence()).toBeNull();
    });

    test('into a locked one nobody gets by calling directly', async () => {
      await thirdComes();
      call.change({ locked: true });
      expect(huddle.state.group).toMatchObject({ isLocked: true });
      client.hear({
        type: 'call-incoming',
        from: EVE,
        callId: '1',
        media: { audio: true, video: false },
        accept: () => Promise.resolve(),
        reject: () => undefined,
      });
      expect(client.reject).toHaveBeenCalledWith('eve');
    });

    test('an engine that is gone for a moment is waited for, and then done without', async () => {
      await thirdComes();
      show({ peerId: 'bob', since: 1, group: true });
      showEve({ peerId: 'eve', since: 1, group: true });
      client.remoteStreams.clear();
      call.become({ state: 'reconnecting', because: 'engine' });
      expect(huddle.state.group).toMatchObject({ isReconnecting: true });
      await vi.advanceTimersByTimeAsync(3_000);
      call.become({ state: 'joined' });
      await vi.advanceTimersByTimeAsync(60_000);
      expect(huddle.state.group).toMatchObject({ isReconnecting: false });
      expect(client.calls).toEqual([]);
      call.become({ state: 'reconnecting', because: 'engine' });
      await vi.advanceTimersByTimeAsync(12_000);
      expect(huddle.state).toMatchObject({ phase: 'in', group: null });
      expect(ownPresence()).toMatchObject({ group: false });
      expect(client.calls).toContain('bob');
    });

    test('leaving closes what was sent', async () => {
      await thirdComes();
      const [sent] = call.state.published;
      huddle.leave();
      expect((sent?.media as unknown as FakeTrack).stop).toHaveBeenCalled();
      expect(call.leave).toHaveBeenCalled();
      expect(huddle.state).toMatchObject({ phase: 'out', group: null });
    });
  });
});
