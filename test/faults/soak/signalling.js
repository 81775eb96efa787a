// @ts-check
/** Pairs of peers who signal: they meet, make an offer, answer it, and part. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Signaller } from '../../interop/lib/signaller.js';
import { Scene } from '../../interop/lib/suite.js';

/** @typedef {import('./load.js').Lane} Lane */

const TYPE = { announce: 0, offer: 1, answer: 2, candidate: 3, peers: 5 };
const CANDIDATES = 5;
/** Between two pairs, in milliseconds. */
const PAUSE = 200;

/** @param {Lane} lane */
export async function signalling(lane) {
  for (let pair = 0; !lane.clock.isOver; pair += 1) {
    const scene = new Scene(lane.server, () => assert.fail());
    try {
      await meet(lane, scene, `${lane.name}-${pair % 10}`);
    } catch (error) {
      if (!lane.clock.isUnsettled) throw error;
    } finally {
      await scene.end();
    }
    await delay(PAUSE);
  }
}

/**
 * @param {Lane} lane
 * @param {Scene} scene
 * @param {string} room
 */
async function meet({ server, counts }, scene, room) {
  const peer = async (/** @type {string} */ id) => {
    const signaller = new Signaller(`${server.ws}/doc/${room}`);
    scene.cleanups.push(() => signaller.terminate());
    await signaller.open();
    signaller.signal({ type: TYPE.announce, from: id });
    await signaller.next(TYPE.peers);
    return signaller;
  };
  const [ann, bob] = [await peer('ann'), await peer('bob')];
  ann.signal({ type: TYPE.offer, to: 'bob', sdp: 'v=0' });
  for (let index = 0; index < CANDIDATES; index += 1) ann.signal({ type: TYPE.candidate, to: 'bob', candidate: { index } });
  await bob.next(TYPE.offer);
  for (let index = 0; index < CANDIDATES; index += 1) {
    assert.deepEqual((await bob.next(TYPE.candidate))['candidate'], { index });
  }
  bob.signal({ type: TYPE.answer, to: 'ann', sdp: 'v=0' });
  await ann.next(TYPE.answer);
  counts.signals += CANDIDATES + 2;
}
