// @ts-check
/** Bare TCP connections, for what no HTTP client would send. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { bounded } from '../../interop/lib/wait.js';

export class Tcp {
  /** What came. */
  received = '';
  isClosed = false;

  /** @param {number} port */
  constructor(port) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('data', (bytes) => (this.received += bytes.toString('latin1')));
    this.socket.on('error', () => {});
    /** @type {Promise<void>} */
    this.whenClosed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.isClosed = true;
        resolve();
      });
    });
  }

  async opened() {
    if (this.socket.connecting) await bounded(once(this.socket, 'connect'), 'a bare connection');
  }

  /** @param {string | Uint8Array} bytes */
  send(bytes) {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** @param {number} within milliseconds */
  async closed(within) {
    await bounded(this.whenClosed, 'the server closing a bare connection', within);
  }

  /**
   * Waits for the head of the first answer.
   *
   * @param {number} within milliseconds
   */
  async answered(within) {
    const head = async () => {
      while (!this.received.includes('\r\n\r\n') && !this.isClosed) {
        await Promise.race([once(this.socket, 'data'), this.whenClosed]);
      }
    };
    await bounded(head(), 'the head of an answer', within);
  }

  /** The status of the first answer, 0 if there is none. */
  get status() {
    return Number(/^HTTP\/1\.1 (\d{3}) /.exec(this.received)?.[1] ?? 0);
  }

  destroy() {
    this.socket.destroy();
  }
}

/**
 * The head of a request.
 *
 * @param {string} line its method and path
 * @param {Record<string, string>} headers
 */
export function head(line, headers) {
  const lines = Object.entries({ Host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** What asks for a WebSocket, beside the path. */
export const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};
