// @ts-check
/** The link between gateway and process, cut anywhere, or silent; and a clock that jumps. */
import assert from 'node:assert/strict';
import { suite } from '../../interop/lib/suite.js';
import { converged } from '../../interop/lib/client.js';
import { SOON, timePasses } from '../../interop/lib/wait.js';
import { BadHost, lacksBadHost } from '../lib/host.js';
import { Proxy } from '../lib/proxy.js';
import { linked, stored } from '../lib/ready.js';
import { diceOf, SEEDED } from '../lib/seed.js';

/** @typedef {import('../../interop/lib/suite.js').Scene} Scene */
/** @typedef {import('../../interop/lib/client.js').Client} Client */

const WITHIN = 60_000;
/** Clients come back by themselves within their back-off, which grows to 2.5 s. */
const BACK_WITHIN = 30_000;
/** Between two edits of one client, in milliseconds. */
const PACE = 5;
/** How long what is silent stays so, in milliseconds: longer than the link's heartbeat. */
const SILENCE = 3_000;
const CUTS = Number(process.env['FAULTS_CYCLES'] ?? 4);
const YEAR = 365 * 24 * 3_600;

/**
 * A gateway whose way to its node leads through a proxy.
 *
 * @param {Scene} scene
 */
async function withProxy(scene) {
  const proxy = new Proxy();
  await proxy.listen();
  scene.cleanups.push(() => proxy.close());
  const link = (/** @type {number} */ node) => {
    proxy.target = node;
    return proxy.port;
  };
  const server = await scene.ownServer({ link });
  await linked(server);
  return { proxy, server };
}

/**
 * Two users who type on and on, until it is stopped.
 *
 * @param {Scene} scene
 */
async function typing(scene) {
  const [alice, bob] = [await scene.joined(), await scene.joined()];
  let count = 0;
  const timer = setInterval(() => {
    count += 1;
    alice.text.insert(alice.text.length, `a${count} `);
    bob.text.insert(0, `b${count} `);
  }, PACE);
  const stop = () => clearInterval(timer);
  scene.cleanups.push(stop);
  return { users: [alice, bob], stop };
}

/**
 * In the end all have the same, and everything that was typed; so has who comes then.
 *
 * @param {Scene} scene
 * @param {Client[]} users
 */
async function allIsThere(scene, users) {
  await converged(users, BACK_WITHIN);
  const late = await scene.joined();
  await converged([...users, late], SOON);
  for (const letter of ['a', 'b']) {
    const words = late.text.toString().split(' ').filter((word) => word.startsWith(letter));
    const numbers = new Set(words.map((word) => Number(word.slice(1))));
    assert.equal(numbers.size, words.length, 'nothing comes twice');
    assert.equal(Math.max(...numbers), numbers.size, 'nothing is missing');
  }
}

suite(
  'Link',
  (test, mode) => {
    if (mode.name.includes('sidecar')) {
      test(`FA6: a link that is cut in the middle of a frame comes back, and nothing is lost ${SEEDED}`, { within: WITHIN + CUTS * 10_000 }, async (scene) => {
        const roll = diceOf('cut');
        const { proxy, server } = await withProxy(scene);
        const { users, stop } = await typing(scene);
        for (let cut = 0; cut < CUTS; cut += 1) {
          await timePasses(roll(300), 'the cut comes at any moment');
          const closed = Promise.all(users.map((user) => user.closed()));
          await proxy.cutsNext(roll);
          for (const close of await closed) assert.equal(close?.code, 1012);
          await linked(server);
          await Promise.all(users.map((user) => user.synced()));
        }
        stop();
        await allIsThere(scene, users);
      });

      test('FA6: a link that falls silent and speaks again loses nothing', { within: WITHIN }, async (scene) => {
        const { proxy } = await withProxy(scene);
        const { users, stop } = await typing(scene);
        proxy.fallsSilent();
        await timePasses(SILENCE, 'the link is silent for longer than its heartbeat');
        proxy.speaks();
        stop();
        await allIsThere(scene, users);
      });
    }

    test('FA6: a process that stands still for a while loses nobody and nothing', { within: WITHIN }, async (scene) => {
      const server = await scene.ownServer();
      await linked(server);
      const { users, stop } = await typing(scene);
      for (const { process } of server.parts) process?.child.kill('SIGSTOP');
      await timePasses(SILENCE, 'the machine is too busy for this process');
      for (const { process } of server.parts) process?.child.kill('SIGCONT');
      stop();
      await allIsThere(scene, users);
    });

    for (const { where, offset } of [
      { where: 'ahead', offset: YEAR },
      { where: 'back', offset: -YEAR },
    ]) {
      test(`FA7: a clock that jumps ${where} closes nobody, and everything is stored in its time`, { within: WITHIN, skip: lacksBadHost() }, async (scene) => {
        const host = new BadHost();
        scene.cleanups.push(() => host.dispose());
        const server = await scene.ownServer({ env: host.env });
        await linked(server);
        const { users, stop } = await typing(scene);
        const [alice] = users;
        assert.ok(alice !== undefined);
        const closes = Promise.race(users.map((user) => user.closed(SILENCE)));
        host.clockIsOff(offset);
        await assert.rejects(closes, /not within/, 'nobody is closed');
        stop();
        await converged(users);
        alice.text.insert(0, 'after the jump ');
        await timePasses(100, 'what is relayed may not have reached the process yet');
        await stored(server);
        await server.kill();
        for (const user of users) user.destroy();
        await server.start();
        await linked(server);
        const late = await scene.joined();
        assert.equal(late.text.toString(), alice.text.toString());
      });
    }
  },
  { concurrency: true },
);
