// @ts-check
/** Stops, crashes and restarts of the server's processes, one every half minute. */
import { setTimeout as delay } from 'node:timers/promises';
import { linked } from '../lib/ready.js';

/** @typedef {import('../../interop/lib/server.js').Server} Server */
/** @typedef {import('./clock.js').Clock} Clock */

/** Between two restarts, in milliseconds. */
const [SHORTEST, LONGEST] = [10_000, 30_000];

/**
 * @param {Server} server
 * @param {Clock} clock
 * @param {(limit: number) => number} roll
 */
export async function restarts(server, clock, roll) {
  for (;;) {
    const end = clock.now + (SHORTEST + roll(LONGEST - SHORTEST)) / 1_000;
    while (clock.now < end) {
      if (clock.isOver || clock.isCalm) return;
      await delay(500);
    }
    const { what, run } = choice(server, roll);
    await clock.duringRestart(what, async () => {
      await run();
      await linked(server);
    });
  }
}

/**
 * @typedef {{ what: string, run: () => Promise<void> }} Restart
 *
 * @param {Server} server
 * @param {(limit: number) => number} roll
 * @returns {Restart}
 */
function choice(server, roll) {
  const stop = {
    what: 'SIGTERM',
    run: async () => {
      await server.stop();
      await server.start();
    },
  };
  const kill = {
    what: 'kill -9',
    run: async () => {
      await server.kill();
      await server.start();
    },
  };
  const parts = server.parts.length === 1 ? [] : ['node', 'sidecar'];
  const killPart = parts.map((part, index) => ({ what: `kill -9 of the ${part}`, run: () => server.restartOnly(index) }));
  const all = [stop, kill, ...killPart];
  return all[roll(all.length)] ?? kill;
}
