// @ts-check
/** All that happens at once on one server during a soak. */
import { Bystanders } from '../lib/bystanders.js';
import { openStores } from '../../interop/lib/sds/store.js';
import { Scene } from '../../interop/lib/suite.js';
import { diceOf } from '../lib/seed.js';
import { linked } from '../lib/ready.js';
import { Clock } from './clock.js';
import { documents } from './documents.js';
import { restarts } from './restarts.js';
import { Samples } from './samples.js';
import { signalling } from './signalling.js';
import { stores } from './stores.js';

/** How many of each go on side by side. */
const LANES = [
  { name: 'room', many: 6, run: documents },
  { name: 'store', many: 3, run: stores },
  { name: 'call', many: 2, run: signalling },
];

/** What has happened so far. */
export class Counts {
  edits = 0;
  joins = 0;
  rooms = 0;
  revisits = 0;
  patches = 0;
  stores = 0;
  signals = 0;
}

/**
 * @typedef {object} Lane
 * @property {string} name
 * @property {import('../../interop/lib/server.js').Server} server
 * @property {Clock} clock
 * @property {Counts} counts
 * @property {(limit: number) => number} roll
 *
 * @typedef {object} Outcome
 * @property {string} mode
 * @property {Counts} counts
 * @property {Clock} clock
 * @property {Samples} samples
 */

/**
 * @param {import('../../interop/lib/server.js').Mode} mode
 * @param {number} minutes
 * @returns {Promise<Outcome>}
 */
export async function soak(mode, minutes) {
  const server = await mode.start();
  const scene = new Scene(server, mode.start);
  try {
    await linked(server);
    await openStores(scene);
    const bystanders = new Bystanders(scene, await scene.joined({ room: 'beat' }), await scene.joined({ room: 'beat' }));
    const [clock, counts] = [new Clock(minutes), new Counts()];
    const samples = new Samples(server, clock, counts, bystanders);
    const lanes = LANES.flatMap(({ name, many, run }) =>
      Array.from({ length: many }, (_, index) => {
        const lane = { name: `${name}-${index}`, server, clock, counts, roll: diceOf(`${mode.name} ${name} ${index}`) };
        return run(lane).catch((error) => clock.fail(error));
      }),
    );
    await Promise.all([
      ...lanes,
      restarts(server, clock, diceOf(`${mode.name} restarts`)).catch((error) => clock.fail(error)),
      samples.take(),
    ]);
    await scene.end();
    return { mode: mode.name, counts, clock, samples };
  } finally {
    await server.dispose();
  }
}
