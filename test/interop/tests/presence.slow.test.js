// @ts-check
/** Presence over the timers of y-protocols: 15 s renewal, 30 s expiry. Each takes that long. */
import assert from 'node:assert/strict';
import { on } from '../lib/client.js';
import { awareness, NOTHING, step1 } from '../lib/raw.js';
import { suite } from '../lib/suite.js';
import { timePasses } from '../lib/wait.js';

const WITHIN = 60_000;

suite(
  'Presence over time',
  (test) => {
    test('a user who reconnects at once never disappears for the others', { needs: ['presence'], within: WITHIN }, async (scene) => {
      const alice = await scene.joined();
      const bob = await scene.joined();
      alice.awareness.setLocalState({ name: 'Alice' });
      await bob.sees((states) => states.get(alice.id)?.['name'] === 'Alice', 'Alice');
      let disappeared = 0;
      const stop = on(bob.awareness, 'change', ({ removed }) => {
        if (removed.includes(alice.id)) disappeared += 1;
      });

      alice.socket.terminate();
      await alice.closed();
      await alice.synced();
      await timePasses(16_000, 'a whole renewal interval, in which the reference loses the user');
      stop();

      assert.equal(disappeared, 0);
      assert.deepEqual(bob.awareness.getStates().get(alice.id), { name: 'Alice' });
    });

    test('a user whose old connection lingers while the new one is there never disappears', { needs: ['presence'], within: WITHIN }, async (scene) => {
      const bob = await scene.joined();
      const old = await scene.rawSettled();
      old.send(awareness([{ id: 5, clock: 1, state: { name: 'Alice' } }]));
      await bob.sees((states) => states.has(5), 'Alice');
      let disappeared = 0;
      const stop = on(bob.awareness, 'change', ({ removed }) => {
        if (removed.includes(5)) disappeared += 1;
      });

      const renewed = scene.raw();
      await renewed.open();
      renewed.send(step1(NOTHING));
      renewed.send(awareness([{ id: 5, clock: 1, state: { name: 'Alice' } }]));
      await renewed.settle();
      old.terminate();
      await timePasses(8_000, 'more than the grace of the old connection');
      stop();

      assert.equal(disappeared, 0);
    });

    test('a user is gone after the grace though another client repeats the state meanwhile', { needs: ['presence'], within: WITHIN }, async (scene) => {
      const bob = await scene.joined();
      const repeating = await scene.rawSettled();
      repeating.send(awareness([{ id: 6, clock: 1, state: { name: 'Carol' } }]));
      const alice = await scene.rawSettled();
      alice.send(awareness([{ id: 5, clock: 1, state: { name: 'Alice' } }]));
      await bob.sees((states) => states.has(5) && states.has(6), 'Alice and Carol');
      alice.terminate();
      await timePasses(500, 'the server notices the broken connection');
      // A provider sends on whatever it hears, and may be late.
      repeating.send(awareness([{ id: 5, clock: 1, state: { name: 'Alice' } }]));
      await bob.sees((states) => !states.has(5), 'Alice gone', 6_500);
      assert.equal(bob.awareness.getStates().has(6), true);
    });

    test('a lone client is not disconnected by its own watchdog', { within: WITHIN }, async (scene) => {
      const alice = await scene.joined();
      let closes = 0;
      on(alice.provider, 'connection-close', () => {
        closes += 1;
      });
      await timePasses(36_000, 'the provider reconnects after 30 s without a frame');
      assert.equal(closes, 0);
      assert.equal(alice.provider.synced, true);
    });

    test('a user without news for 30 s is gone, for late joiners too', { within: WITHIN }, async (scene) => {
      const silent = await scene.rawSettled();
      silent.send(awareness([{ id: 9, clock: 1, state: { name: 'Silent' } }]));
      const bob = await scene.joined();
      await bob.sees((states) => states.has(9), 'the silent user');
      await bob.sees((states) => !states.has(9), 'the silent user gone', 40_000);
      await timePasses(4_000, 'the server looks for expired users every few seconds');
      const carol = await scene.joined();
      bob.awareness.setLocalState({ name: 'Bob' });
      await carol.sees((states) => states.get(bob.id)?.['name'] === 'Bob', 'Bob');
      assert.equal(carol.awareness.getStates().has(9), false);
    });
  },
  { concurrency: true },
);
