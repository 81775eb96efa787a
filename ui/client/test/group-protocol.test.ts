// @vitest-environment node
import { expect, test } from 'vitest';
import { pack, unpack } from '../src/group/data.js';
import { decode, encode } from '../src/group/protocol.js';
import { countsOf, NO_COUNTS, qualityOf } from '../src/group/quality.js';

const say = (call: unknown) => decode(JSON.stringify({ kraken: 'call', call }));

test('a message is in the envelope of calls', () => {
  expect(JSON.parse(encode({ type: 'leave' }))).toEqual({
    kraken: 'call',
    call: { type: 'leave' },
  });
});

test.for([
  'nonsense',
  '[]',
  '{"kraken":"signal","call":{"type":"locked"}}',
  '{"kraken":"call","call":[]}',
])('%s is none', (text) => {
  expect(decode(text)).toBeNull();
});

test.for([
  {},
  { type: 'tomorrow' },
  { type: 'joined', session: 7 },
  { type: 'offer', sdp: 'v=0' },
  { type: 'offer', offer: 1 },
  { type: 'answer' },
  { type: 'peer', name: 'nobody' },
  { type: 'peer-left' },
  { type: 'muted', track: null },
  { type: 'error', message: 'no code' },
])('what lacks something is none: %j', (call) => {
  expect(say(call)).toBeNull();
});

test('what may be missing is missing', () => {
  expect(say({ type: 'joined', session: 's' })).toEqual({
    type: 'joined',
    session: 's',
    resumed: false,
    peers: [],
    mayPublish: false,
    mayModerate: false,
    locked: false,
    recorded: false,
  });
  expect(say({ type: 'layers', tracks: [{ track: 't' }] })).toEqual({
    type: 'layers',
    tracks: [{ track: 't', layer: null, paused: false }],
    estimate: 0,
  });
  expect(say({ type: 'error', code: 'c' })).toEqual({
    type: 'error',
    code: 'c',
    message: 'c',
    about: null,
  });
  expect(say({ type: 'ended', reason: 'a new one' })).toEqual({ type: 'ended', reason: 'lost' });
});

test('of a list, what makes no sense is left out', () => {
  const tracks = [
    { track: 'a', kind: 'audio', source: 'microphone', muted: true },
    { track: 'b', kind: 'video', source: 'hologram' },
    { kind: 'video', source: 'camera' },
    null,
  ];
  expect(say({ type: 'peer', peer: 'bob', tracks })).toEqual({
    type: 'peer',
    peer: 'bob',
    name: null,
    metadata: null,
    tracks: [tracks[0]],
  });
  expect(say({ type: 'speakers', active: ['a', 1], order: 'x' })).toEqual({
    type: 'speakers',
    active: ['a'],
    order: [],
  });
});

test('data says whom it is for, and from whom it is', () => {
  expect(unpack(pack('hällo', 'böb'))).toEqual({
    from: 'böb',
    data: new TextEncoder().encode('hällo'),
  });
  expect(() => pack('', 'x'.repeat(256))).toThrow('16384');
});

test('a connection is as good as its loss, its way and its bandwidth', () => {
  const counts = (change: object) => ({ ...NO_COUNTS, received: 100, roundTrip: 0.05, ...change });
  const quality = (change: object) => qualityOf(NO_COUNTS, counts(change), false);
  expect(quality({})).toBe('good');
  expect(quality({ lost: 4 })).toBe('fair');
  expect(quality({ lost: 20 })).toBe('poor');
  expect(quality({ roundTrip: 0.4 })).toBe('fair');
  expect(quality({ roundTrip: 1 })).toBe('poor');
  expect(quality({ isLimited: true })).toBe('fair');
  expect(qualityOf(NO_COUNTS, counts({}), true)).toBe('poor');
  expect(qualityOf(NO_COUNTS, NO_COUNTS, false)).toBe('unknown');
});

test('what browsers count is summed up', () => {
  const stats = [
    { type: 'inbound-rtp', packetsReceived: 10, packetsLost: 1, freezeCount: 2 },
    { type: 'inbound-rtp', packetsReceived: 5 },
    { type: 'outbound-rtp', qualityLimitationReason: 'bandwidth' },
    { type: 'outbound-rtp', qualityLimitationReason: 'cpu' },
    { type: 'candidate-pair', nominated: false, currentRoundTripTime: 9 },
    { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.1 },
    { type: 'codec' },
  ];
  expect(countsOf(stats)).toEqual({
    received: 15,
    lost: 1,
    freezes: 2,
    roundTrip: 0.1,
    isLimited: true,
  });
});
