// @ts-check
/** Programs that a machine may have or not: proxies, systemd. */
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';

/**
 * Why a test that needs these programs can't be run here; false if it can.
 *
 * @param {string[]} programs
 * @returns {string | false}
 */
export function missing(programs) {
  const absent = programs.filter((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0);
  return absent.length > 0 ? `not installed here: ${absent.join(', ')}` : false;
}

/**
 * A port for a program that can't be told to take a free one: free a moment ago.
 *
 * @returns {Promise<number>}
 */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
