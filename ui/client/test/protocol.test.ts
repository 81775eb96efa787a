import { describe, expect, test } from 'vitest';
import { decode, encode, SignalType } from '../src/protocol.js';

function decodeSignal(signal: unknown) {
  return decode(JSON.stringify({ kraken: 'signal', signal }));
}

describe('what is sent', () => {
  test('is a signal in an envelope', () => {
    const text = encode({ type: SignalType.Announce, from: 'ann', name: 'Ann' });
    expect(JSON.parse(text)).toEqual({
      kraken: 'signal',
      signal: { type: 0, from: 'ann', name: 'Ann' },
    });
  });
});

describe('what is received', () => {
  test.for([
    'no JSON',
    'null',
    '7',
    '[]',
    '{}',
    '{"kraken":"signal"}',
    '{"kraken":"signal","signal":null}',
    '{"kraken":"something else","signal":{"type":5,"peers":[]}}',
    '{"kraken":"error"}',
  ])('%s means nothing', (text) => {
    expect(decode(text)).toBeNull();
  });

  test.for([
    { type: 99, from: 'ann' },
    { type: SignalType.PeerList },
    { type: SignalType.PeerJoined, peer: { name: 'Ann' } },
    { type: SignalType.PeerLeft, from: 'ann' },
    { type: SignalType.Offer, from: 'ann', callId: 'c' },
    { type: SignalType.Offer, from: 'ann', sdp: 's' },
    { type: SignalType.Offer, callId: 'c', sdp: 's' },
    { type: SignalType.IceCandidate, from: 'ann', callId: 'c', candidate: 'text' },
  ])('%o means nothing', (signal) => {
    expect(decodeSignal(signal)).toBeNull();
  });

  test('peers have a name and metadata, or null', () => {
    const peers = [{ peerId: 'ann', name: 'Ann', metadata: { colour: 'red' } }, { peerId: 'bob' }];
    expect(decodeSignal({ type: SignalType.PeerList, peers: [...peers, 'nobody'] })).toEqual({
      kind: 'peer-list',
      peers: [peers[0], { peerId: 'bob', name: null, metadata: null }],
    });
  });

  test('an offer by another library asks for nothing in particular', () => {
    const offer = { type: SignalType.Offer, from: 'ann', callId: 'c', sdp: 's' };
    expect(decodeSignal(offer)).toEqual({
      kind: 'call',
      from: 'ann',
      signal: { type: 1, callId: 'c', sdp: 's', media: { video: false, audio: false } },
    });
  });

  test('a hangup may be for all calls, and for any reason', () => {
    expect(decodeSignal({ type: SignalType.Hangup, from: 'ann', reason: 'bored' })).toEqual({
      kind: 'call',
      from: 'ann',
      signal: { type: 4, reason: 'hangup' },
    });
  });

  test('errors say whom they are about', () => {
    const error = { kraken: 'error', code: 'no_such_peer', message: 'no peer bob', to: 'bob' };
    expect(decode(JSON.stringify(error))).toEqual({
      kind: 'error',
      code: 'no_such_peer',
      message: 'no peer bob',
      to: 'bob',
    });
  });
});
