import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = new URL('../../dist/', import.meta.url);
const NODE_PATH = '/kraken:kraken:template.os/';
/** No exceptions: neither inline styles, nor scripts of others, nor data. */
export const POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/**
 * The pages as they were just built, in front of a server whose own are older: at `/` and at the
 * node's path. Whatever is no page is the server's.
 */
export class Site {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #upstreamPort: number;

  private constructor(upstreamPort: number) {
    this.#upstreamPort = upstreamPort;
    this.#server = createServer((incoming, response) => {
      void this.#answer(incoming, response);
    });
    this.#server.on('upgrade', (incoming, socket) => {
      this.#tunnel(incoming, socket);
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async open(upstreamPort: number): Promise<Site> {
    const site = new Site(upstreamPort);
    site.#server.listen(0, '127.0.0.1');
    await once(site.#server, 'listening');
    return site;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://localhost:${String(port)}/`;
  }

  get nodeUrl(): string {
    return this.url.slice(0, -1) + NODE_PATH;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(incoming.url ?? '/', 'http://localhost').pathname;
    const file = fileOf(path);
    if (file === null) {
      this.#forward(incoming, response);
      return;
    }
    try {
      const body = await readFile(fileURLToPath(new URL(file, DIST)));
      response.writeHead(200, {
        'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
        'Content-Security-Policy': POLICY,
        'X-Content-Type-Options': 'nosniff',
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = incoming;
    const options = { host: '127.0.0.1', port: this.#upstreamPort, method, path: url, headers };
    const outgoing = request(options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => {
      response.writeHead(502).end();
    });
    incoming.pipe(outgoing);
  }

  #tunnel(incoming: IncomingMessage, socket: Duplex): void {
    const upstream = connect(this.#upstreamPort, '127.0.0.1', () => {
      upstream.write(`${String(incoming.method)} ${String(incoming.url)} HTTP/1.1\r\n`);
      for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
        const [name, value] = incoming.rawHeaders.slice(index, index + 2);
        upstream.write(`${String(name)}: ${String(value)}\r\n`);
      }
      upstream.write('\r\n');
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    for (const [one, other] of [
      [upstream, socket],
      [socket, upstream],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  }
}

/** The file that a path stands for, or null if it is the server's. */
function fileOf(path: string): string | null {
  const own = path.startsWith(NODE_PATH) ? path.slice(NODE_PATH.length) : path.slice(1);
  if (own === '' || own === 'index.html') return 'index.html';
  return /^assets\/[\w.-]+$/.test(own) ? own : null;
}
