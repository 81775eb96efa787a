import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { KrakenClient } from '../src/index.js';
import type { IncomingCall, KrakenEvent } from '../src/index.js';
import { SignalType } from '../src/protocol.js';
import { FakePeerConnection, FakeRoom, settle, stubBrowser } from './fakes.js';
import type { FakeDevices } from './fakes.js';

let room: FakeRoom;
let browser: FakeDevices;
/** By name: `ann` is polite to `bob`. */
let ann: KrakenClient;
let bob: KrakenClient;
let seenBy: Map<KrakenClient, KrakenEvent[]>;

beforeEach(async () => {
  vi.useFakeTimers();
  room = new FakeRoom();
  browser = stubBrowser();
  seenBy = new Map();
  ann = await join('ann');
  bob = await join('bob');
});

afterEach(() => {
  ann.disconnect();
  bob.disconnect();
  expect(browser.tracks.filter(({ readyState }) => readyState === 'live')).toEqual([]);
  expect(FakePeerConnection.all.filter(({ isClosed }) => !isClosed)).toEqual([]);
  vi.useRealTimers();
});

async function join(peerId: string): Promise<KrakenClient> {
  const client = new KrakenClient({
    url: 'wss://kraken.test',
    token: 'secret',
    room: 'room',
    name: peerId.toUpperCase(),
    peerId,
    WebSocket: room.WebSocket,
  });
  const events: KrakenEvent[] = [];
  seenBy.set(client, events);
  client.on((event) => events.push(event));
  void client.connect();
  await settle();
  return client;
}

function seen<T extends KrakenEvent['type']>(client: KrakenClient, type: T) {
  const events = seenBy.get(client) ?? [];
  return events.filter((event): event is Extract<KrakenEvent, { type: T }> => event.type === type);
}

function autoAnswer(client: KrakenClient): void {
  client.on((event) => {
    if (event.type === 'call-incoming') event.accept().catch(() => undefined);
  });
}

async function established(): Promise<void> {
  autoAnswer(bob);
  const call = ann.call('bob');
  await settle();
  await call;
}

function onlyIncoming(client: KrakenClient): IncomingCall {
  const [incoming, ...others] = client.incoming;
  if (incoming === undefined || others.length > 0) throw new Error('not one call is incoming');
  return incoming;
}

describe('a call', () => {
  test('rings, is accepted, and is established on both sides', async () => {
    const call = ann.call('bob', { video: true, audio: false });
    await settle();
    const incoming = onlyIncoming(bob);
    expect(incoming).toMatchObject({ from: { name: 'ANN' }, media: { video: true, audio: false } });
    const accepted = bob.accept('ann', { video: false });
    expect(bob.incoming).toEqual([]);
    await settle();
    await Promise.all([call, accepted]);
    for (const [client, peerId] of [
      [ann, 'bob'],
      [bob, 'ann'],
    ] as const) {
      const remoteStream = client.remoteStreams.get(peerId);
      expect(remoteStream).toBeDefined();
      expect(seen(client, 'call-established')).toMatchObject([{ peerId, remoteStream }]);
    }
    expect(browser.getUserMedia.mock.calls).toEqual([[{ video: true }], [{ audio: true }]]);
  });

  test('shows what the peer sends', async () => {
    await established();
    const track = browser.tracks[0];
    FakePeerConnection.last.ontrack?.({ track: track as never });
    expect(bob.remoteStreams.get('ann')?.getTracks()).toContain(track);
  });

  test('uses the STUN server that the client was given, or the default', async () => {
    await established();
    const iceServers = [{ urls: 'stun:stun.l.google.com:19302' }];
    expect(FakePeerConnection.last.config).toEqual({ iceServers });
  });

  test('is rejected', async () => {
    const call = ann.call('bob');
    const rejected = expect(call).rejects.toMatchObject({ code: 'call-ended' });
    await settle();
    onlyIncoming(bob).reject();
    await settle();
    await rejected;
    expect(seen(ann, 'call-ended')).toMatchObject([{ peerId: 'bob', reason: 'rejected' }]);
    expect(bob.incoming).toEqual([]);
    expect(ann.localStream).toBeNull();
  });

  test('to somebody who has gone is unreachable', async () => {
    await expect(ann.call('nobody')).rejects.toMatchObject({ code: 'call-ended' });
    const call = expect(ann.call('bob')).rejects.toMatchObject({ code: 'call-ended' });
    await settle();
    bob.disconnect();
    await call;
    expect(seen(ann, 'call-ended')).toMatchObject([{ peerId: 'bob' }]);
  });

  test('that the server cannot deliver is unreachable', async () => {
    const call = expect(ann.call('bob')).rejects.toThrow('unreachable');
    room.socketOf('ann').receiveError('no_such_peer', 'bob');
    await call;
  });

  test('needs a connection', async () => {
    ann.disconnect();
    await expect(ann.call('bob')).rejects.toMatchObject({ code: 'not-connected' });
    await expect(ann.accept('bob')).rejects.toMatchObject({ code: 'no-call' });
  });

  test('without a camera of the caller fails', async () => {
    browser.getUserMedia.mockRejectedValueOnce(new Error('permission denied'));
    const call = expect(ann.call('bob')).rejects.toMatchObject({
      code: 'media',
      message: 'no video and audio: permission denied',
    });
    await settle();
    await call;
  });

  test('without a camera of the callee fails, and the caller is told', async () => {
    const call = expect(ann.call('bob')).rejects.toThrow('failed');
    await settle();
    browser.getUserMedia.mockRejectedValueOnce(new Error('permission denied'));
    const accepted = expect(bob.accept('ann')).rejects.toMatchObject({ code: 'media' });
    await settle();
    await Promise.all([call, accepted]);
  });

  test('is called off while the camera opens', async () => {
    const call = expect(ann.call('bob')).rejects.toMatchObject({ code: 'call-ended' });
    ann.hangup('bob');
    await settle();
    await call;
    expect(FakePeerConnection.all).toEqual([]);
    expect(ann.localStream).toBeNull();
  });

  test('twice is one call', async () => {
    autoAnswer(bob);
    const both = Promise.all([ann.call('bob'), ann.call('bob')]);
    await settle();
    await both;
    expect(FakePeerConnection.all).toHaveLength(2);
  });

  test('to somebody who is calling answers', async () => {
    const call = ann.call('bob');
    await settle();
    const back = bob.call('ann');
    await settle();
    await Promise.all([call, back]);
    expect(bob.incoming).toEqual([]);
  });

  test('with a description that is none fails', async () => {
    const offer = { type: SignalType.Offer, from: 'bob', callId: 'c', sdp: 'nonsense' };
    room.socketOf('ann').receiveSignal(offer);
    const accepted = expect(onlyIncoming(ann).accept()).rejects.toThrow('it is no description');
    await settle();
    await accepted;
    expect(seen(ann, 'call-ended')).toMatchObject([{ reason: 'failed' }]);
  });
});

describe('both sides call at once', () => {
  test.for([
    ['both offers cross', 0, 0],
    ["the polite side's camera is slow", 50, 0],
    ["the impolite side's camera is slow", 0, 50],
  ] as const)('and get one call: %s', async ([, annWaits, bobWaits]) => {
    for (const pause of [annWaits, bobWaits]) {
      browser.getUserMedia.mockImplementationOnce(async (constraints) => {
        await new Promise((resolve) => setTimeout(resolve, pause));
        return browser.open(constraints);
      });
    }
    const both = Promise.all([ann.call('bob'), bob.call('ann')]);
    await vi.advanceTimersByTimeAsync(100);
    await both;
    expect(FakePeerConnection.all.filter(({ isClosed }) => !isClosed)).toHaveLength(2);
    for (const client of [ann, bob]) {
      expect(seen(client, 'call-established')).toHaveLength(1);
      expect(seen(client, 'call-incoming')).toEqual([]);
      expect(seen(client, 'call-ended')).toEqual([]);
    }
  });
});

describe('addresses', () => {
  const candidate = { candidate: 'candidate:1', sdpMid: '0' };

  test('go to the peer as they are found', async () => {
    await established();
    FakePeerConnection.all[0]?.onicecandidate?.({ candidate: { toJSON: () => candidate } });
    FakePeerConnection.all[0]?.onicecandidate?.({ candidate: null });
    await settle();
    expect(FakePeerConnection.last.candidates).toEqual([candidate]);
  });

  test('wait for the description, however long the call rings', async () => {
    const call = ann.call('bob');
    await settle();
    FakePeerConnection.last.onicecandidate?.({ candidate: { toJSON: () => candidate } });
    await settle();
    const accepted = onlyIncoming(bob).accept();
    await settle();
    await Promise.all([call, accepted]);
    expect(FakePeerConnection.last.candidates).toEqual([candidate]);
  });

  test('without end fill no memory while a call rings', async () => {
    const call = ann.call('bob');
    await settle();
    const { callId } = onlyIncoming(bob);
    const socket = room.socketOf('bob');
    for (let count = 0; count < 1000; count += 1) {
      socket.receiveSignal({ type: SignalType.IceCandidate, from: 'ann', callId, candidate });
    }
    const accepted = onlyIncoming(bob).accept();
    await settle();
    await Promise.all([call, accepted]);
    expect(FakePeerConnection.last.candidates.length).toBeLessThan(300);
  });

  test('that come before the answer wait for it', async () => {
    const call = ann.call('bob');
    await settle();
    const [offer] = room.sentBy('ann', SignalType.Offer);
    const { callId } = offer ?? {};
    const socket = room.socketOf('ann');
    socket.receiveSignal({ type: SignalType.IceCandidate, from: 'bob', callId, candidate });
    await settle();
    expect(FakePeerConnection.last.candidates).toEqual([]);
    socket.receiveSignal({ type: SignalType.Answer, from: 'bob', callId, sdp: 'answer' });
    await settle();
    await call;
    expect(FakePeerConnection.last.candidates).toEqual([candidate]);
  });
});

describe('an established call', () => {
  beforeEach(established);

  test('ends for both when one hangs up, and devices are closed', async () => {
    expect(ann.localStream).not.toBeNull();
    ann.hangup();
    await settle();
    expect(seen(ann, 'call-ended')).toMatchObject([{ reason: 'local-hangup' }]);
    expect(seen(bob, 'call-ended')).toMatchObject([{ reason: 'hangup' }]);
    expect(ann.localStream).toBeNull();
    expect(bob.remoteStreams.size).toBe(0);
    expect(seen(ann, 'local-stream').at(-1)).toEqual({ type: 'local-stream', stream: null });
  });

  test('ends when the page is left', async () => {
    window.dispatchEvent(new Event('pagehide'));
    await settle();
    expect(room.sentBy('ann', SignalType.Hangup)).toHaveLength(1);
  });

  test('goes on while a side is without the server', async () => {
    room.socketOf('ann').breakWith(1006);
    await settle();
    expect(seen(bob, 'peer-left')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(ann.status).toBe('connected');
    expect([...ann.remoteStreams.keys(), ...bob.remoteStreams.keys()]).toEqual(['bob', 'ann']);
    expect(FakePeerConnection.all.map(({ restarts }) => restarts)).toEqual([0, 0]);
  });

  test('goes on when both sides were without the server, and this one is back first', async () => {
    room.socketOf('bob').breakWith(1006);
    room.socketOf('ann').breakWith(1006);
    await vi.advanceTimersByTimeAsync(1000);
    expect(ann.peers).toHaveLength(1);
    expect(bob.peers).toHaveLength(1);
    expect([...ann.remoteStreams.keys(), ...bob.remoteStreams.keys()]).toEqual(['bob', 'ann']);
    expect(FakePeerConnection.all).toHaveLength(2);
  });

  test('ends once the peer can be reached in no way', async () => {
    room.socketOf('ann').breakWith(1006);
    await settle();
    FakePeerConnection.last.becomes('disconnected');
    expect(seen(bob, 'call-ended')).toMatchObject([
      { reason: 'unreachable', peer: { name: 'ANN' } },
    ]);
  });

  test('finds another way when the connection fails', async () => {
    const [connection] = FakePeerConnection.all;
    connection?.becomes('failed');
    await settle();
    expect(connection?.restarts).toBe(1);
    expect(room.sentBy('ann', SignalType.Offer)).toHaveLength(2);
    expect(room.sentBy('bob', SignalType.Answer)).toHaveLength(2);
    connection?.becomes('connected');
    expect(seen(ann, 'call-established')).toHaveLength(1);
  });

  test('gives up when there is no other way', async () => {
    const [connection] = FakePeerConnection.all;
    for (let attempt = 0; attempt < 4; attempt += 1) {
      connection?.becomes('failed');
      await settle();
    }
    expect(connection?.restarts).toBe(3);
    expect(seen(ann, 'call-ended')).toMatchObject([{ reason: 'failed' }]);
  });

  test('offers again what was lost without the server', async () => {
    room.socketOf('ann').breakWith(1006);
    FakePeerConnection.all[0]?.becomes('failed');
    await vi.advanceTimersByTimeAsync(1000);
    expect(room.sentBy('ann', SignalType.Offer)).toHaveLength(1);
    expect(room.sentBy('bob', SignalType.Answer).length).toBeGreaterThan(1);
    expect(FakePeerConnection.all[0]?.signalingState).toBe('stable');
  });

  test('gives way to a new call of the same peer', async () => {
    const offer = { type: SignalType.Offer, from: 'ann', callId: 'new', sdp: 'offer' };
    room.socketOf('bob').receiveSignal(offer);
    await settle();
    expect(seen(bob, 'call-ended')).toMatchObject([{ reason: 'hangup' }]);
    expect(seen(bob, 'call-incoming')).toHaveLength(2);
  });

  test('can be muted, devices opened later among it', async () => {
    const kinds = () => ann.localStream?.getTracks().map(({ kind, enabled }) => [kind, enabled]);
    ann.mute('audio');
    expect(kinds()).toEqual([
      ['video', true],
      ['audio', false],
    ]);
    ann.hangup();
    await settle();
    const call = ann.call('bob');
    await settle();
    await call;
    expect(kinds()).toContainEqual(['audio', false]);
    ann.mute('audio', false);
    expect(kinds()).toContainEqual(['audio', true]);
  });

  test('shows a screen in place of the camera, and the camera again', async () => {
    const sender = () =>
      FakePeerConnection.all[0]?.senders.find((one) => one.track?.kind === 'video');
    const camera = sender()?.track;
    await ann.shareScreen();
    const screen = sender()?.track;
    expect(screen).not.toBe(camera);
    screen?.onended?.();
    await settle();
    expect(sender()?.track).toBe(camera);
    expect(screen?.readyState).toBe('ended');
  });

  test('carries messages', () => {
    ann.send('bob', 'hello');
    expect(FakePeerConnection.all[0]?.channel.sent).toEqual(['hello']);
    FakePeerConnection.last.channel.onmessage?.({ data: 'hello' });
    expect(seen(bob, 'message')).toMatchObject([{ peerId: 'ann', data: 'hello' }]);
    expect(() => {
      ann.send('nobody', 'hello');
    }).toThrow('there is no call');
  });

  test('ends when the peer closes its side', () => {
    FakePeerConnection.last.channel.onclose?.();
    expect(seen(bob, 'call-ended')).toMatchObject([{ reason: 'hangup' }]);
  });
});

test('a screen without a call or a camera is added and taken away', async () => {
  await expect(ann.shareScreen()).rejects.toMatchObject({ code: 'no-call' });
  autoAnswer(bob);
  const call = ann.call('bob', { video: false });
  await settle();
  await call;
  await ann.shareScreen();
  await settle();
  const videos = () =>
    FakePeerConnection.all[0]?.senders.filter(({ track }) => track?.kind === 'video');
  expect(videos()).toHaveLength(1);
  expect(room.sentBy('bob', SignalType.Answer)).toHaveLength(2);
  await ann.stopSharing();
  await settle();
  expect(videos()).toEqual([]);
});

test('what the server does not like is told, and ends a call that it kept from being', async () => {
  const call = expect(ann.call('bob')).rejects.toThrow('it is too_large');
  await settle();
  room.socketOf('ann').receiveError('too_large', 'bob');
  await call;
  expect(seen(ann, 'error')).toMatchObject([{ error: { code: 'signal' } }]);
});
