// @ts-check
/** A long time of mixed load on each way to run a server, and a report about it. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { modes } from '../../interop/lib/server.js';
import { SEED } from '../lib/seed.js';
import { soak } from './load.js';
import { report } from './report.js';

const FOLDER = fileURLToPath(new URL('../../../target/soak', import.meta.url));

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes is ${values.minutes}, not a number of minutes`);

const say = (/** @type {string} */ line) => void process.stderr.write(`${line}\n`);
const all = modes();
const outcomes = [];
say(`soak for ${minutes} minutes, FAULTS_SEED=${SEED}`);
for (const mode of all) {
  say(`${mode.name}: ${minutes / all.length} minutes`);
  outcomes.push(await soak(mode, minutes / all.length));
}
say(`report: ${await report(FOLDER, outcomes)}`);
for (const { mode, clock, samples } of outcomes) {
  if (clock.failure !== null) say(`${mode}: ${clock.failure.stack}`);
  else if (!samples.isFlat) say(`${mode}: memory grows: ${JSON.stringify(samples.memory)}`);
  else continue;
  process.exitCode = 1;
}
