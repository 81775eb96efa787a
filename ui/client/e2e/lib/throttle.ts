import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';

/** What waits longer than this for its turn is lost: home routers keep about as much. */
const LONGEST_QUEUE_MS = 1_000;

/**
 * A way to the engine by UDP that takes as many bits a second as a test allows: from the engine to
 * the client. The other direction is free.
 */
export class ThrottledWay {
  readonly #socket: Socket;
  readonly #enginePort: number;
  /** One for each client, so that the engine can tell them apart. */
  readonly #upstream = new Map<number, Socket>();
  #bitsPerMs = Infinity;
  #freeAt = 0;

  private constructor(socket: Socket, enginePort: number) {
    this.#socket = socket;
    this.#enginePort = enginePort;
    socket.on('message', (packet, client) => {
      this.#upstreamOf(client).send(packet, enginePort, '127.0.0.1');
    });
  }

  static async to(enginePort: number): Promise<ThrottledWay> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new ThrottledWay(socket, enginePort);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get enginePort(): number {
    return this.#enginePort;
  }

  allow(bitsPerSecond: number): void {
    this.#bitsPerMs = bitsPerSecond / 1000;
  }

  close(): void {
    this.#socket.close();
    for (const socket of this.#upstream.values()) socket.close();
    this.#upstream.clear();
  }

  #upstreamOf(client: RemoteInfo): Socket {
    const existing = this.#upstream.get(client.port);
    if (existing !== undefined) return existing;
    const socket = createSocket('udp4');
    socket.on('message', (packet) => {
      this.#passOn(packet, client);
    });
    this.#upstream.set(client.port, socket);
    return socket;
  }

  #passOn(packet: Buffer, { port, address }: RemoteInfo): void {
    const now = performance.now();
    const starts = Math.max(now, this.#freeAt);
    if (starts - now > LONGEST_QUEUE_MS) return;
    this.#freeAt = starts + (packet.length * 8) / this.#bitsPerMs;
    setTimeout(() => {
      // The test may be over by now.
      if (this.#upstream.has(port)) this.#socket.send(packet, port, address, () => undefined);
    }, this.#freeAt - now);
  }
}
