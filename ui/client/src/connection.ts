import { addressOf } from './address.js';
import type { RoomOptions } from './address.js';
import { Backoff } from './backoff.js';
import type { KrakenError } from './errors.js';
import { farewellIn } from './farewell.js';
import { rethrowLater } from './rethrow.js';

export type ConnectionState =
  /** Nobody uses the connection. */
  | { readonly state: 'closed' }
  | { readonly state: 'connecting' }
  | { readonly state: 'connected' }
  /** It is tried again at `retryAt`, in milliseconds since 1970. */
  | {
      readonly state: 'offline';
      readonly retryAt: number;
      readonly code: number;
      readonly reason: string;
    }
  /** The server refuses for good. */
  | { readonly state: 'refused'; readonly code: number; readonly reason: string };

/** What a document or a participant is to the connection that carries it. */
export interface RoomUser {
  /** Whether it must hear what the server says first, and so can't join halfway. */
  readonly needsGreeting: boolean;
  changed(state: ConnectionState): void;
  received(message: string | Uint8Array): void;
  /** Something failed that is tried again. */
  failed(error: KrakenError): void;
}

/** As browsers say that there was no close code. */
const NO_CODE = 1006;
/** In a silent room the server sends something every 20 seconds. */
const LONGEST_SILENCE_MS = 30_000;
const CHECK_MS = 5_000;
/** What lasted this long was a success, so that the next pause is the shortest again. */
const STABLE_MS = 10_000;

/**
 * The socket to a room, which a document and a participant may share. It is open while anybody
 * uses it, and opened again whenever it closes, until the server refuses for good.
 */
export class RoomConnection {
  readonly room: string;
  readonly #options: RoomOptions;
  readonly #users = new Set<RoomUser>();
  readonly #backoff = new Backoff();
  #state: ConnectionState = { state: 'closed' };
  #socket: WebSocket | null = null;
  /** Tells a dial whether another one, or a close, has come after it. */
  #dials = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #check: ReturnType<typeof setInterval> | undefined;
  #openedAt: number | null = null;
  #heardAt = 0;

  constructor(options: RoomOptions) {
    this.room = options.room;
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Tells this room from all others: of other servers, and of other apps of a node's owner. */
  get id(): string {
    const { url, app = 'default', room } = this.#options;
    return [url, app, room].join(' ');
  }

  /** Uses the connection, which is opened for the first. Joining again while offline tries at once. */
  join(user: RoomUser): void {
    const isNew = !this.#users.has(user);
    this.#users.add(user);
    switch (this.#state.state) {
      case 'closed':
      case 'refused':
        this.#listenToBrowser(true);
        this.#dial();
        break;
      case 'offline':
        this.#dial();
        break;
      case 'connecting':
        if (isNew) user.changed(this.#state);
        break;
      case 'connected':
        if (isNew && user.needsGreeting) this.reopen();
        else if (isNew) user.changed(this.#state);
        break;
    }
  }

  /** The connection closes with its last user. */
  leave(user: RoomUser): void {
    if (!this.#users.delete(user) || this.#users.size > 0) return;
    this.#stop();
    this.#state = { state: 'closed' };
  }

  /** Opens another socket in place of this one, so that the server forgets who was on it. */
  reopen(): void {
    if (this.#users.size > 0) this.#dial();
  }

  /** False if there is no connection; nothing is kept for later. */
  send(message: string | Uint8Array<ArrayBuffer>): boolean {
    if (this.#state.state !== 'connected' || this.#socket === null) return false;
    // The overloads of WebSocket.send can't be chosen from at once.
    if (typeof message === 'string') this.#socket.send(message);
    else this.#socket.send(message);
    return true;
  }

  #dial(): void {
    this.#dropSocket();
    const dial = this.#dials;
    this.#setState({ state: 'connecting' });
    addressOf(this.#options).then(
      (address) => {
        if (dial === this.#dials) this.#open(address);
      },
      (cause: unknown) => {
        if (dial === this.#dials) this.#notDialled(cause as KrakenError);
      },
    );
  }

  #notDialled(error: KrakenError): void {
    if (error.code === 'refused') {
      this.#refuse(error.closeCode ?? NO_CODE, error.message);
      return;
    }
    this.#tell((user) => {
      user.failed(error);
    });
    this.#retryLater(NO_CODE, error.message);
  }

  #open(address: string): void {
    let socket: WebSocket;
    try {
      socket = new (this.#options.WebSocket ?? globalThis.WebSocket)(address);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#refuse(NO_CODE, `no such address: ${why}`);
      return;
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.#openedAt = Date.now();
      this.#setState({ state: 'connected' });
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      this.#heardAt = Date.now();
      this.#received(typeof data === 'string' ? data : new Uint8Array(data));
    };
    // Browsers say nothing here; elsewhere it is why the handshake was refused.
    let trouble = '';
    socket.onerror = (event) => {
      if ('message' in event) trouble = String(event.message);
    };
    socket.onclose = ({ code, reason }) => {
      this.#closed(code, reason === '' ? trouble : reason);
    };
    this.#heardAt = Date.now();
    this.#check = setInterval(() => {
      const silence = Date.now() - this.#heardAt;
      if (silence > LONGEST_SILENCE_MS) this.#closed(NO_CODE, 'the server is silent');
    }, CHECK_MS);
  }

  #received(message: string | Uint8Array): void {
    const farewell = this.#isDirect ? farewellIn(message) : null;
    if (farewell === null) {
      this.#tell((user) => {
        user.received(message);
      });
    } else {
      // Whether it is for good is what the next ticket will tell.
      this.#closed(NO_CODE, farewell);
    }
  }

  #closed(code: number, reason: string): void {
    // A ticket may have got too old on its way; the next one will tell whether there is more to it.
    const isPermanent = code >= 4400 && code <= 4499 && !(this.#isDirect && code === 4401);
    if (isPermanent) this.#refuse(code, reason);
    else this.#retryLater(code, reason);
  }

  #retryLater(code: number, reason: string): void {
    if (this.#openedAt !== null && Date.now() - this.#openedAt >= STABLE_MS) this.#backoff.reset();
    this.#dropSocket();
    const pause = this.#backoff.next();
    this.#retry = setTimeout(() => {
      this.#dial();
    }, pause);
    this.#setState({ state: 'offline', retryAt: Date.now() + pause, code, reason });
  }

  #refuse(code: number, reason: string): void {
    this.#stop();
    const users = [...this.#users];
    this.#users.clear();
    this.#state = { state: 'refused', code, reason };
    tellAll(users, (user) => {
      user.changed({ state: 'refused', code, reason });
    });
  }

  #stop(): void {
    this.#dropSocket();
    this.#backoff.reset();
    this.#listenToBrowser(false);
  }

  #dropSocket(): void {
    this.#dials += 1;
    clearTimeout(this.#retry);
    clearInterval(this.#check);
    this.#openedAt = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    // `onerror` stays: to close a socket that isn't open yet is an error, outside of browsers, that
    // ends a program if nobody takes it.
    socket.close();
  }

  /** A browser that has just found its network again need not wait for the next attempt. */
  #listenToBrowser(on: boolean): void {
    if (!('addEventListener' in globalThis)) return;
    if (on) addEventListener('online', this.#cameOnline);
    else removeEventListener('online', this.#cameOnline);
  }

  readonly #cameOnline = (): void => {
    if (this.#state.state === 'offline') this.#dial();
  };

  get #isDirect(): boolean {
    return this.#options.via === 'direct';
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.#tell((user) => {
      // What one user does in answer may already have changed it for the next.
      if (this.#state === state) user.changed(state);
    });
  }

  #tell(what: (user: RoomUser) => void): void {
    tellAll([...this.#users], what);
  }
}

function tellAll(users: readonly RoomUser[], what: (user: RoomUser) => void): void {
  for (const user of users) {
    rethrowLater(() => {
      what(user);
    });
  }
}
