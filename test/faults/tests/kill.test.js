// @ts-check
/** kill -9 of each process at random moments of writing, with witnesses of what was written. */
import { openStores } from '../../interop/lib/sds/store.js';
import { suite } from '../../interop/lib/suite.js';
import { timePasses } from '../../interop/lib/wait.js';
import { DocumentLine, StoreLine } from '../lib/line.js';
import { linked } from '../lib/ready.js';
import { diceOf, SEEDED } from '../lib/seed.js';

/** @typedef {import('../../interop/lib/server.js').Server} Server */
/** @typedef {import('../../interop/lib/suite.js').Scene} Scene */
/** @typedef {import('../../interop/lib/server.js').Durability} Durability */

const CYCLES = Number(process.env['FAULTS_CYCLES'] ?? 4);
const WITHIN = 30_000 + CYCLES * 10_000;

/** Between two words of one line, and from the first word to the kill, in milliseconds. */
const PACE = 2;
const [SHORTEST, LONGEST] = [50, 500];

/**
 * What may be lost of what a witness saw, in milliseconds: in relay-first the window of 50 ms, and
 * what writing takes, here on a disk that many tests share.
 *
 * @type {Record<Durability, number>}
 */
const ALLOWED = { 'relay-first': 50 + 1_000, 'write-first': 0 };

/** What is killed, by the server's number of processes. */
const VICTIMS = { 1: [[0]], 2: [[0], [1], [0, 1]] };

/**
 * Kills some processes at once, and starts them again.
 *
 * @param {Server} server
 * @param {number[]} victims
 * @returns {Promise<number>} when they were killed
 */
async function kills(server, victims) {
  const moment = performance.now();
  await Promise.all(victims.map((victim) => server.parts[victim]?.end('SIGKILL')));
  for (const victim of victims) await server.parts[victim]?.start();
  await linked(server);
  return moment;
}

/**
 * @param {Scene} scene
 * @param {Durability} durability
 */
async function cycles(scene, durability) {
  const roll = diceOf(`kill ${durability}`);
  const server = await scene.ownServer({ durability });
  await linked(server);
  await openStores(scene);
  const lines = [
    new DocumentLine(scene, `${scene.room}-1`),
    new DocumentLine(scene, `${scene.room}-2`),
    new StoreLine(scene, scene.room),
  ];
  let worst = 0;
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    for (const line of lines) await line.begin();
    const writing = setInterval(() => lines.forEach((line) => line.write()), PACE);
    try {
      await timePasses(SHORTEST + roll(LONGEST - SHORTEST), 'the kill comes at any moment');
    } finally {
      clearInterval(writing);
    }
    const choices = VICTIMS[/** @type {1 | 2} */ (server.parts.length)];
    const moment = await kills(server, choices[roll(choices.length)] ?? []);
    for (const line of lines) await line.ended();
    for (const line of lines) worst = Math.max(worst, await line.keeps(moment, ALLOWED[durability]));
  }
  return worst;
}

suite('Kill', (test) => {
  test(`FA1: write-first: kill -9 takes nothing that anybody saw ${SEEDED}`, { within: WITHIN }, async (scene) => {
    await cycles(scene, 'write-first');
  });

  test(`FA2: relay-first: kill -9 takes what was seen in the last moments, and no more ${SEEDED}`, { within: WITHIN }, async (scene, context) => {
    const worst = await cycles(scene, 'relay-first');
    context.diagnostic(`the oldest word lost had been seen ${worst.toFixed(0)} ms before the kill`);
  });
}, { concurrency: true });
