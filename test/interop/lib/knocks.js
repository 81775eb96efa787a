// @ts-check
/** Handshakes in great number. */
import { exchange } from './http.js';

/** How many are under way at a time. */
const AT_A_TIME = 50;

/**
 * Handshakes without a token from the client that a proxy names.
 *
 * @param {import('./server.js').Server} server
 * @param {string[]} forwarded one for each
 */
export async function knocks(server, forwarded) {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  const answers = [];
  for (let first = 0; first < forwarded.length; first += AT_A_TIME) {
    const some = forwarded.slice(first, first + AT_A_TIME);
    const knock = (/** @type {string} */ client) =>
      exchange(`${server.http}/doc/room`, { headers: { ...headers, 'X-Forwarded-For': client } });
    answers.push(...(await Promise.all(some.map(knock))));
  }
  return answers;
}
