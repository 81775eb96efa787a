// @ts-check
/** OBS Studio's WHIP output as a client. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { missing as noFilm } from './clip.js';
import { ServerProcess } from './process.js';

const CLIENT = fileURLToPath(new URL('../peer/obs.js', import.meta.url));

/** Why tests with it are skipped, or `false`. */
export const missing =
  spawnSync('curl', ['--version']).status === 0 ? noFilm : 'install curl to ask as OBS does: apt-get install curl';

/** @param {string} server as in OBS's settings @param {string} bearer likewise */
export function obs(server, bearer) {
  return new ServerProcess(process.execPath, [CLIENT, server, bearer]);
}
