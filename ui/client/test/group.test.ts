import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GroupCall, joinCall } from '../src/group/index.js';
import type { CallEvent, CallPeer } from '../src/group/index.js';
import { FakeTrack, settle, stubBrowser } from './fakes.js';
import type { FakeDevices } from './fakes.js';
import { FakeEngine, FakeLinkConnection, memberWith } from './groupFakes.js';

let engine: FakeEngine;
let browser: FakeDevices;
let call: GroupCall;
let events: CallEvent[];

beforeEach(() => {
  vi.useFakeTimers();
  engine = new FakeEngine();
  browser = stubBrowser();
  FakeLinkConnection.all = [];
  vi.stubGlobal('RTCPeerConnection', FakeLinkConnection);
  call = new GroupCall({
    url: 'wss://kraken.test',
    room: 'room',
    peerId: 'ann',
    name: 'Ann',
    WebSocket: engine.sockets.WebSocket,
  });
  events = [];
  call.on((event) => events.push(event));
});

afterEach(async () => {
  call.leave();
  await settle();
  expect(FakeLinkConnection.all.filter(({ isClosed }) => !isClosed)).toEqual([]);
  expect(browser.tracks.filter(({ readyState }) => readyState === 'live')).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

async function joined(): Promise<void> {
  const joining = call.join();
  await engine.open();
  await joining;
}

async function published(): Promise<void> {
  await joined();
  const publishing = Promise.all([call.publish('camera'), call.publish('microphone')]);
  await settle();
  await publishing;
}

function seen<T extends CallEvent['type']>(type: T) {
  return events.filter((event): event is Extract<CallEvent, { type: T }> => event.type === type);
}

function peer(peerId: string): CallPeer {
  const found = call.state.peers.find((one) => one.peerId === peerId);
  if (found === undefined) throw new Error(`${peerId} isn't in the call`);
  return found;
}

const lastOf = <T>(list: readonly T[]): T => {
  const last = list.at(-1);
  if (last === undefined) throw new Error('there is none');
  return last;
};

const trackOf = (source: string) => call.state.published.find((one) => one.source === source);

describe('to join', () => {
  test('says who this is, and shows who is there', async () => {
    engine.peers = [memberWith('bob', 'voice')];
    await joined();
    expect(engine.said('join')).toEqual([{ type: 'join', peer: 'ann', name: 'Ann' }]);
    expect(call.state).toMatchObject({
      status: { state: 'joined' },
      peers: [{ peerId: 'bob', name: 'BOB', tracks: [{ id: 'voice', media: null }] }],
      mayPublish: true,
      mayModerate: false,
    });
  });

  test('sets up the connection and its data channels, before there is anything to send', async () => {
    await joined();
    expect(engine.said('publish')).toMatchObject([{ tracks: [] }]);
    expect(FakeLinkConnection.last.channels).toMatchObject([
      { label: 'reliable', options: {} },
      { label: 'lossy', options: { ordered: false, maxRetransmits: 0 } },
    ]);
  });

  test('is refused with the code of the server', async () => {
    engine.answersJoin = false;
    const refused = expect(call.join()).rejects.toMatchObject({
      code: 'call-refused',
      reason: 'no_engine',
    });
    await engine.open();
    await engine.refuse('no_engine');
    await refused;
    expect(call.state.status).toMatchObject({ state: 'ended', because: 'refused' });
    expect(engine.socket.isClosed).toBe(true);
  });

  test('fails at a server that knows nothing of it', async () => {
    engine.answersJoin = false;
    const refused = expect(call.join()).rejects.toMatchObject({ reason: 'no_answer' });
    await engine.open();
    await vi.advanceTimersByTimeAsync(10_000);
    await refused;
  });

  test('fails where the room itself is closed', async () => {
    const refused = expect(call.join()).rejects.toMatchObject({ code: 'refused', closeCode: 4401 });
    await settle();
    engine.socket.breakWith(4401);
    await refused;
    expect(call.state.status).toMatchObject({ state: 'ended', because: 'refused' });
  });

  test('gives a call by one function as well', async () => {
    const joining = joinCall({
      url: 'wss://kraken.test',
      room: 'room',
      WebSocket: engine.sockets.WebSocket,
    });
    await engine.open();
    const another = await joining;
    expect(another.state.status).toEqual({ state: 'joined' });
    another.leave();
  });

  test('and to leave and join again at once is to join once', async () => {
    engine.answersJoin = false;
    const first = expect(call.join()).rejects.toMatchObject({ code: 'disconnected' });
    await engine.open();
    call.leave();
    const second = call.join();
    await first;
    await engine.tell(engine.join());
    await second;
    expect(engine.said('join')).toHaveLength(1);
    expect(engine.said('leave')).toEqual([]);
  });

  test('and to leave before there is an answer leaves with it', async () => {
    engine.answersJoin = false;
    const first = expect(call.join()).rejects.toMatchObject({ code: 'disconnected' });
    await engine.open();
    call.leave();
    await first;
    const { socket } = engine;
    await engine.tell(engine.join());
    expect(socket.said.at(-1)).toEqual({ type: 'leave' });
    expect(socket.isClosed).toBe(true);
    expect(call.state.status).toEqual({ state: 'out' });
  });
});

describe('to publish', () => {
  test('sends a camera in three layers, from small to large', async () => {
    await joined();
    const camera = new FakeTrack('video', 1280);
    const publishing = call.publish('camera', camera as never);
    await settle();
    await publishing;
    const [transceiver] = FakeLinkConnection.last.transceivers;
    expect(transceiver?.encodings).toMatchObject([
      { rid: 'q', scaleResolutionDownBy: 4 },
      { rid: 'h', scaleResolutionDownBy: 2 },
      { rid: 'f', scaleResolutionDownBy: 1 },
    ]);
    const rates = transceiver?.encodings.map(({ maxBitrate = 0 }) => maxBitrate) ?? [];
    expect(rates).toEqual(rates.toSorted((one, other) => one - other));
    expect(lastOf(engine.said('publish')).tracks).toEqual([
      { mid: '0', source: 'camera', muted: false },
    ]);
    expect(trackOf('camera')).toMatchObject({ id: 'own-1', media: camera, muted: false });
    camera.stop();
  });

  test.for([
    [640, ['q', 'h']],
    [320, [undefined]],
    [undefined, ['q', 'h', 'f']],
  ] as const)('sends %s pixels in fitting layers', async ([width, rids]) => {
    await joined();
    void call.publish('camera', new FakeTrack('video', width) as never);
    await settle();
    const [transceiver] = FakeLinkConnection.last.transceivers;
    expect(transceiver?.encodings.map(({ rid }) => rid)).toEqual(rids);
  });

  test('opens devices, and closes them in the end', async () => {
    await published();
    expect(browser.getUserMedia.mock.calls).toEqual([[{ video: true }], [{ audio: true }]]);
    call.leave();
    expect(browser.tracks.map(({ readyState }) => readyState)).toEqual(['ended', 'ended']);
    expect(engine.socket.said.at(-1)).toEqual({ type: 'leave' });
    expect(call.state).toMatchObject({ status: { state: 'out' }, published: [] });
  });

  test("leaves an app's own track alone", async () => {
    await joined();
    const own = new FakeTrack('audio');
    void call.publish('microphone', own as never);
    await settle();
    call.unpublish('microphone');
    expect(own.readyState).toBe('live');
  });

  test('offers one thing after the other', async () => {
    await joined();
    engine.answersPublish = false;
    void call.publish('camera');
    await settle();
    void call.publish('microphone');
    await settle();
    expect(engine.said('publish')).toHaveLength(2);
    await engine.tell(engine.answerPublish(lastOf(engine.said('publish'))));
    expect(engine.said('publish')).toHaveLength(3);
    expect(lastOf(engine.said('publish')).tracks.map(({ source }) => source)).toEqual([
      'camera',
      'microphone',
    ]);
    await engine.tell(engine.answerPublish(lastOf(engine.said('publish'))));
    expect(trackOf('microphone')?.id).toBe('own-2');
  });

  test('uses a section again', async () => {
    await published();
    call.unpublish('camera');
    await settle();
    expect(lastOf(engine.said('publish')).tracks).toMatchObject([{ source: 'microphone' }]);
    expect(FakeLinkConnection.last.transceivers[0]).toMatchObject({
      direction: 'inactive',
      sender: { track: null },
    });
    void call.publish('camera');
    await settle();
    expect(FakeLinkConnection.last.transceivers).toHaveLength(2);
    expect(FakeLinkConnection.last.transceivers[0]).toMatchObject({ direction: 'sendonly' });
  });

  test('that is refused takes nothing else along', async () => {
    await published();
    engine.answersPublish = false;
    const refused = expect(call.shareScreen()).rejects.toMatchObject({
      reason: 'too_many_tracks',
    });
    await settle();
    engine.answersPublish = true;
    await engine.refuse('too_many_tracks', 'publish');
    await refused;
    expect(call.state.published.map(({ source }) => source)).toEqual(['camera', 'microphone']);
    expect(lastOf(engine.said('publish')).tracks).toHaveLength(2);
    expect(FakeLinkConnection.all).toHaveLength(1);
    expect(seen('error')).toMatchObject([{ error: { reason: 'too_many_tracks' } }]);
  });

  test('is not for those who may only receive', async () => {
    engine.rights = { mayPublish: false, mayModerate: false };
    await joined();
    await expect(call.publish('camera')).rejects.toMatchObject({ reason: 'not_allowed' });
    expect(browser.getUserMedia).not.toHaveBeenCalled();
  });

  test('is not for those who are out', async () => {
    await expect(call.publish('camera')).rejects.toMatchObject({ code: 'not-connected' });
  });

  test('tells why there is no camera', async () => {
    await joined();
    browser.getUserMedia.mockRejectedValueOnce(new Error('denied'));
    await expect(call.publish('camera')).rejects.toMatchObject({
      code: 'media',
      message: 'no camera: denied',
    });
  });

  test('a screen with its sound, until the browser ends it', async () => {
    browser.getDisplayMedia.mockImplementation(() => browser.open({ video: true, audio: true }));
    await joined();
    const sharing = call.shareScreen();
    await settle();
    await sharing;
    const sources = () => call.state.published.map(({ source }) => source);
    expect(sources().toSorted()).toEqual(['screen', 'screen-audio']);
    browser.tracks.find(({ kind }) => kind === 'video')?.end();
    await settle();
    expect(sources()).toEqual(['screen-audio']);
    call.stopSharing();
    expect(sources()).toEqual([]);
  });
});

describe('muting', () => {
  test('silences, and is told', async () => {
    await published();
    call.mute('microphone');
    expect(trackOf('microphone')).toMatchObject({ muted: true, media: { enabled: false } });
    expect(engine.said('mute')).toEqual([{ type: 'mute', track: 'own-2', muted: true }]);
    call.mute('microphone', false);
    expect(lastOf(engine.said('mute'))).toMatchObject({ muted: false });
  });

  test('before the track is taken is told once it is', async () => {
    await joined();
    engine.answersPublish = false;
    void call.publish('microphone');
    await settle();
    call.mute('microphone');
    expect(engine.said('mute')).toEqual([]);
    await engine.tell(engine.answerPublish(lastOf(engine.said('publish'))));
    expect(engine.said('mute')).toEqual([{ type: 'mute', track: 'own-1', muted: true }]);
  });

  test('by an admin silences here, until the user unmutes', async () => {
    await published();
    await engine.tell({ type: 'muted', track: 'own-2' });
    expect(seen('muted')).toEqual([{ type: 'muted', source: 'microphone' }]);
    expect(trackOf('microphone')).toMatchObject({ muted: true });
    expect(engine.said('mute')).toEqual([]);
    call.mute('microphone', false);
    expect(lastOf(engine.said('mute'))).toMatchObject({ track: 'own-2', muted: false });
  });
});

describe('devices', () => {
  test('are changed without an offer, and what is muted stays so', async () => {
    await published();
    const offers = engine.said('publish').length;
    call.mute('microphone');
    const [old] = browser.tracks;
    await call.setDevices({ videoInput: 'back', audioInput: 'headset' });
    expect(old?.readyState).toBe('ended');
    expect(trackOf('microphone')?.media.enabled).toBe(false);
    const sent = FakeLinkConnection.last.transceivers.map(({ sender }) => sender.track);
    expect(sent).toEqual([trackOf('camera')?.media, trackOf('microphone')?.media]);
    expect(engine.said('publish')).toHaveLength(offers);
  });

  test('that are chosen beforehand are those that are opened', async () => {
    await joined();
    await call.setDevices({ videoInput: 'back' });
    expect(browser.getUserMedia).not.toHaveBeenCalled();
    void call.publish('camera', { width: 640 });
    await settle();
    expect(browser.getUserMedia.mock.lastCall).toEqual([
      { video: { width: 640, deviceId: { exact: 'back' } } },
    ]);
  });

  test('that are not there change nothing', async () => {
    await published();
    const before = trackOf('camera')?.media;
    browser.getUserMedia.mockRejectedValueOnce(new Error('unplugged'));
    await expect(call.setDevices({ videoInput: 'gone' })).rejects.toMatchObject({ code: 'media' });
    expect(trackOf('camera')?.media).toBe(before);
  });

  test('that are opened when the call is over are closed again', async () => {
    await joined();
    const late = expect(call.publish('camera')).rejects.toMatchObject({ code: 'not-connected' });
    call.leave();
    await settle();
    await late;
  });
});

describe('what others send', () => {
  beforeEach(async () => {
    engine.peers = [memberWith('bob', 'voice-bob', 'face-bob')];
    await joined();
  });

  test('is offered, and answered with the number of the offer', async () => {
    const offer = await engine.offer('voice-bob', 'face-bob');
    expect(engine.said('answer')).toEqual([{ type: 'answer', offer, sdp: 'answer 2' }]);
    const media = peer('bob').tracks.map((track) => track.media);
    expect(media).not.toContain(null);
    expect(new Set(media).size).toBe(2);
  });

  test('is ignored while an offer of this side is under way, for it comes again', async () => {
    engine.answersPublish = false;
    void call.publish('camera');
    await settle();
    await engine.offer('face-bob');
    expect(engine.said('answer')).toEqual([]);
    await engine.tell(engine.answerPublish(lastOf(engine.said('publish'))));
    const offer = await engine.offer('face-bob');
    expect(engine.said('answer')).toMatchObject([{ offer }]);
  });

  test('is taken when it comes right behind the answer to an offer of this side', async () => {
    engine.answersPublish = false;
    void call.publish('camera');
    await settle();
    const answered = engine.tell(engine.answerPublish(lastOf(engine.said('publish'))));
    const offer = await engine.offer('face-bob');
    await answered;
    expect(engine.said('answer')).toMatchObject([{ offer }]);
  });

  test('holds up an offer of this side until it is answered', async () => {
    const offering = engine.offer('face-bob');
    void call.publish('camera');
    await offering;
    await settle();
    const order = engine.socket.said.map(({ type }) => type);
    expect(order).toEqual(['join', 'publish', 'answer', 'publish']);
  });

  test('comes and goes with its peer', async () => {
    await engine.tell({ type: 'peer', ...memberWith('eve', 'face-eve') });
    expect(seen('peer-joined')).toMatchObject([{ peer: { peerId: 'eve' } }]);
    await engine.tell({ type: 'peer', ...memberWith('eve') });
    expect(peer('eve').tracks).toEqual([]);
    await engine.tell({ type: 'peer-left', peer: 'eve' });
    expect(seen('peer-left')).toMatchObject([{ peer: { peerId: 'eve' } }]);
    expect(call.state.peers.map(({ peerId }) => peerId)).toEqual(['bob']);
  });

  test('is asked for as it is shown, once for many changes', async () => {
    for (const width of [100, 150, 200.4]) {
      call.receive('face-bob', { enabled: true, width, height: 100 });
    }
    await vi.advanceTimersByTimeAsync(1_000);
    const wish = { track: 'face-bob', enabled: true, width: 200, height: 100 };
    expect(engine.said('receive')).toEqual([{ type: 'receive', tracks: [wish] }]);
    call.receive('face-bob', wish);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(engine.said('receive')).toHaveLength(1);
  });

  test('has a layer, and an estimate of what there is room for', async () => {
    const layers = [{ track: 'face-bob', layer: 'h', paused: false }];
    await engine.tell({ type: 'layers', tracks: layers, estimate: 900_000 });
    expect(peer('bob').tracks[1]).toMatchObject({ layer: 'h', paused: false });
    expect(call.state.estimate).toBe(900_000);
  });

  test('is in the order in which they speak', async () => {
    await engine.tell({ type: 'speakers', active: ['bob'], order: ['bob', 'ann'] });
    expect(call.state).toMatchObject({ speaking: ['bob'], spoken: ['bob', 'ann'] });
  });
});

describe('data', () => {
  test('goes to all or to one, and comes with its sender', async () => {
    await joined();
    const connection = FakeLinkConnection.last;
    call.send('hi');
    call.send(new Uint8Array([7]), { to: 'bob', lossy: true });
    expect(connection.channel('reliable').sent).toEqual([new Uint8Array([0, 104, 105])]);
    expect(connection.channel('lossy').sent).toEqual([new Uint8Array([3, 98, 111, 98, 7])]);
    connection.channel('lossy').onmessage?.({ data: new Uint8Array([1, 101, 9]).buffer });
    expect(seen('data')).toEqual([
      { type: 'data', peerId: 'e', data: new Uint8Array([9]), lossy: true },
    ]);
  });

  test('that is no message is none', async () => {
    await joined();
    const { onmessage } = FakeLinkConnection.last.channel('reliable');
    for (const bytes of [[], [5, 1]]) onmessage?.({ data: new Uint8Array(bytes).buffer });
    onmessage?.({ data: 'text' });
    expect(seen('data')).toEqual([]);
  });

  test('has its bounds', async () => {
    expect(() => {
      call.send('too early');
    }).toThrow('no connection');
    await joined();
    expect(() => {
      call.send(new Uint8Array(16 * 1024));
    }).toThrow('16384 bytes');
    const { last } = FakeLinkConnection;
    for (const { label } of last.channels) last.channel(label).bufferedAmount = 2 ** 21;
    call.send('lost', { lossy: true });
    expect(last.channel('lossy').sent).toEqual([]);
    expect(() => {
      call.send('waits');
    }).toThrow('no connection');
  });
});

describe('admins', () => {
  test('mute, remove and lock', async () => {
    engine.rights = { mayPublish: true, mayModerate: true };
    await joined();
    call.muteTrack('voice-bob');
    call.remove('bob');
    call.lock();
    expect(engine.said('moderate')).toEqual([
      { type: 'moderate', action: 'mute-track', track: 'voice-bob' },
      { type: 'moderate', action: 'remove', peer: 'bob' },
      { type: 'moderate', action: 'lock', locked: true },
    ]);
    await engine.tell({ type: 'locked', locked: true });
    await engine.tell({ type: 'recorded', recorded: true });
    expect(call.state).toMatchObject({ locked: true, recorded: true });
  });

  test('are who the server takes for one', async () => {
    await joined();
    call.lock();
    await engine.refuse('not_allowed', 'moderate');
    expect(seen('error')).toMatchObject([{ error: { reason: 'not_allowed' } }]);
  });

  test('put somebody out for good', async () => {
    await published();
    await engine.tell({ type: 'ended', reason: 'removed' });
    expect(call.state).toMatchObject({
      status: { state: 'ended', because: 'removed' },
      published: [],
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(engine.said('join')).toHaveLength(1);
  });
});

describe('what is interrupted', () => {
  test('by the loss of the socket goes on', async () => {
    await published();
    const connection = FakeLinkConnection.last;
    connection.becomes('connected');
    engine.socket.breakWith(1006);
    expect(call.state.status).toEqual({ state: 'reconnecting', because: 'connection' });
    await vi.advanceTimersByTimeAsync(100);
    await engine.open();
    expect(engine.said('join')).toMatchObject([{ session: 'session 1' }]);
    expect(call.state).toMatchObject({ status: { state: 'joined' } });
    expect(engine.said('publish')).toEqual([]);
    expect(FakeLinkConnection.all).toEqual([connection]);
  });

  test('by the loss of the socket has its open offer repeated', async () => {
    await joined();
    engine.answersPublish = false;
    void call.publish('camera');
    await settle();
    const [offer] = engine.said('publish').slice(-1);
    engine.socket.breakWith(1006);
    engine.answersPublish = true;
    await vi.advanceTimersByTimeAsync(100);
    await engine.open();
    expect(engine.said('publish')).toEqual([offer]);
    expect(trackOf('camera')?.id).toBe('own-1');
  });

  test('by a change of networks finds another way', async () => {
    await published();
    const connection = FakeLinkConnection.last;
    connection.becomes('connected');
    const offers = engine.said('publish').length;
    connection.becomes('disconnected');
    await settle();
    expect(connection.restarts).toBe(1);
    expect(engine.said('publish')).toHaveLength(offers + 1);
  });

  test('by the loss of the engine begins anew, as soon as there is one', async () => {
    await published();
    call.mute('microphone');
    call.receive('gone', { enabled: false });
    engine.answersJoin = false;
    engine.knownSession = null;
    await engine.tell({ type: 'ended', reason: 'engine' });
    expect(call.state.status).toEqual({ state: 'reconnecting', because: 'engine' });
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      await engine.refuse('no_engine');
    }
    engine.answersJoin = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(call.state.status).toEqual({ state: 'joined' });
    expect(FakeLinkConnection.all).toHaveLength(2);
    expect(FakeLinkConnection.all[0]?.isClosed).toBe(true);
    expect(lastOf(engine.said('publish')).tracks).toEqual([
      { mid: '0', source: 'camera', muted: false },
      { mid: '1', source: 'microphone', muted: true },
    ]);
    expect(trackOf('camera')?.id).toBe('own-3');
    expect(browser.getUserMedia).toHaveBeenCalledTimes(2);
  });

  test('for so long that it is lost begins anew without the session', async () => {
    await published();
    engine.knownSession = null;
    await engine.tell({ type: 'ended', reason: 'lost' });
    await vi.advanceTimersByTimeAsync(100);
    expect(lastOf(engine.said('join'))).not.toHaveProperty('session');
    expect(call.state.status).toEqual({ state: 'joined' });
  });

  test('and can be joined no longer is over', async () => {
    await joined();
    engine.answersJoin = false;
    await engine.tell({ type: 'ended', reason: 'lost' });
    await vi.advanceTimersByTimeAsync(100);
    await engine.refuse('locked');
    expect(call.state.status).toMatchObject({
      state: 'ended',
      because: 'refused',
      error: { reason: 'locked' },
    });
  });

  test('by a description that the browser does not take begins anew, not ever faster', async () => {
    await joined();
    for (let time = 0; time < 5; time += 1) {
      engine.knownSession = null;
      await engine.tell({ type: 'offer', offer: 1, sdp: 'nonsense', tracks: [] });
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(seen('error')).toHaveLength(5);
    expect(engine.said('join')).toHaveLength(6);
    await engine.tell({ type: 'offer', offer: 1, sdp: 'nonsense', tracks: [] });
    await vi.advanceTimersByTimeAsync(400);
    expect(engine.said('join')).toHaveLength(6);
  });
});

describe('how it goes', () => {
  test('is looked at, and freezes are reported', async () => {
    await joined();
    const connection = FakeLinkConnection.last;
    connection.becomes('connected');
    const stats = (freezeCount: number, packetsLost: number, packetsReceived: number) => [
      { type: 'inbound-rtp', freezeCount, packetsLost, packetsReceived },
      { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.02 },
    ];
    connection.stats = stats(3, 0, 1000);
    await vi.advanceTimersByTimeAsync(2_500);
    expect(call.state.quality).toBe('good');
    connection.stats = stats(5, 50, 1100);
    await vi.advanceTimersByTimeAsync(2_500);
    expect(call.state.quality).toBe('poor');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(engine.said('report')).toEqual([{ type: 'report', freezes: 2 }]);
  });

  test('is poor if something that is wanted is not sent', async () => {
    engine.peers = [memberWith('bob', 'face-bob')];
    await joined();
    FakeLinkConnection.last.becomes('connected');
    const layers = [{ track: 'face-bob', layer: null, paused: true }];
    await engine.tell({ type: 'layers', tracks: layers, estimate: 50_000 });
    await vi.advanceTimersByTimeAsync(2_500);
    expect(call.state.quality).toBe('poor');
    call.receive('face-bob', { enabled: false });
    await vi.advanceTimersByTimeAsync(2_500);
    expect(call.state.quality).not.toBe('poor');
  });
});
