import { once } from 'node:events';
import { WebSocket } from 'ws';
import { addressOf } from '../../src/address.js';
import type { RoomOptions } from '../../src/index.js';

type Fields = Record<string, unknown>;

/** Somebody on a room's socket who says whatever they like. */
export class RawPeer {
  readonly #socket: WebSocket;
  readonly #heard: Fields[] = [];
  #waiting: (() => void)[] = [];
  closeCode: number | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      this.closeCode = code;
      this.#wake();
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) return;
      this.#heard.push(JSON.parse(data.toString()) as Fields);
      this.#wake();
    });
  }

  static async connect(room: RoomOptions): Promise<RawPeer> {
    const socket = new WebSocket(await addressOf(room));
    const peer = new RawPeer(socket);
    await once(socket, 'open');
    return peer;
  }

  /** Connects and is known to the others as `id`. */
  static async announced(room: RoomOptions, id: string): Promise<RawPeer> {
    const peer = await RawPeer.connect(room);
    peer.signal({ type: 0, from: id });
    await peer.hears(({ type }) => type === 5);
    return peer;
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  signal(signal: Fields): void {
    this.send(JSON.stringify({ kraken: 'signal', signal }));
  }

  /** Errors have a `code`, signals a `type`. */
  async hears(isIt: (message: Fields) => boolean): Promise<Fields> {
    for (;;) {
      const found = this.heard.find(isIt);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  get heard(): Fields[] {
    return this.#heard.map(({ signal, ...rest }) => (signal as Fields | undefined) ?? rest);
  }

  async closes(): Promise<number> {
    while (this.closeCode === null) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.closeCode;
  }

  close(): void {
    this.#socket.close();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
