import { Backoff } from './backoff.js';
import { KrakenError, messageOf } from './errors.js';
import type { ConnectionStatus } from './events.js';
import { decode, encode } from './protocol.js';
import type { AnnounceSignal, Incoming, OutgoingSignal } from './protocol.js';

type Token = string | undefined;

/** A token, or what gets a fresh one; a function is asked at each connect. */
export type TokenSource = Token | (() => Token | Promise<Token>);

export type WebSocketConstructor = new (url: string) => WebSocket;

export interface SignalingOptions {
  url: string;
  room: string;
  token: TokenSource;
  announcement: AnnounceSignal;
  WebSocket: WebSocketConstructor;
  onMessage(message: Incoming): void;
  onStatus(status: ConnectionStatus, close?: { code: number; reason: string }): void;
  onError(error: KrakenError): void;
}

interface Pending {
  promise: Promise<void>;
  resolve(): void;
  reject(error: KrakenError): void;
}

const NO_CLOSE_FRAME = 1006;
/** An earlier connection of this client may be half-open, which the server finds out in time. */
const PEER_ID_ATTEMPTS = 8;
/** Announcing again changes nothing and is answered, so silence means that the connection is dead. */
const HEARTBEAT_MS = 20_000;

/**
 * The socket to a room, opened again whenever it closes, until the server refuses for good or
 * `close` is called. It is `connected` once the server has answered its announcement.
 */
export class Signaling {
  readonly #options: SignalingOptions;
  readonly #dialBackoff = new Backoff();
  readonly #announceBackoff = new Backoff();
  #status: ConnectionStatus = 'closed';
  #opening: Pending | null = null;
  #socket: WebSocket | null = null;
  /** Tells a dial whether another one, or a close, has come after it. */
  #dials = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #heard = false;

  constructor(options: SignalingOptions) {
    this.#options = options;
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  /** Resolves once connected; rejects when refused for good, or closed before that. */
  open(): Promise<void> {
    if (this.#opening !== null) return this.#opening.promise;
    this.#opening = pending();
    const { promise } = this.#opening;
    this.#setStatus('connecting');
    void this.#dial();
    return promise;
  }

  close(): void {
    if (this.#opening === null) return;
    this.#end(new KrakenError('disconnected', 'disconnected before there was a connection'));
  }

  /** False if there is no connection; nothing is kept for later. */
  send(signal: OutgoingSignal): boolean {
    if (this.#status !== 'connected' || this.#socket === null) return false;
    this.#socket.send(encode(signal));
    return true;
  }

  async #dial(): Promise<void> {
    this.#dials += 1;
    const dial = this.#dials;
    const token = await this.#freshToken();
    if (dial !== this.#dials) return;
    if (token instanceof KrakenError) {
      this.#options.onError(token);
      this.#dialLater();
      return;
    }
    this.#connect(token);
  }

  async #freshToken(): Promise<Token | KrakenError> {
    const { token } = this.#options;
    try {
      return typeof token === 'function' ? await token() : token;
    } catch (cause) {
      return new KrakenError('token', `no token: ${messageOf(cause)}`, { cause });
    }
  }

  #connect(token: Token): void {
    let socket: WebSocket;
    try {
      socket = new this.#options.WebSocket(this.#address(token));
    } catch (cause) {
      this.#end(new KrakenError('refused', `no such address: ${messageOf(cause)}`, { cause }));
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      this.#announce();
      this.#heartbeat = setInterval(() => {
        this.#beat();
      }, HEARTBEAT_MS);
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.#heard = true;
      // What is binary belongs to the document that shares the room's name.
      if (typeof data === 'string') this.#receive(data);
    };
    socket.onclose = ({ code, reason }) => {
      this.#closed(code, reason);
    };
  }

  #address(token: Token): string {
    const { url, room } = this.#options;
    const base = url.replace(/^http/, 'ws').replace(/\/+$/, '');
    const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
    return `${base}/doc/${encodeURIComponent(room)}${query}`;
  }

  #announce(): void {
    this.#socket?.send(encode(this.#options.announcement));
  }

  #receive(text: string): void {
    const message = decode(text);
    if (message === null) return;
    if (message.kind === 'error' && this.#status !== 'connected') {
      this.#announcementFailed(message);
      return;
    }
    if (message.kind === 'peer-list') this.#announced();
    this.#options.onMessage(message);
    if (message.kind === 'peer-list') this.#opening?.resolve();
  }

  #announced(): void {
    this.#dialBackoff.reset();
    this.#announceBackoff.reset();
    if (this.#status !== 'connected') this.#setStatus('connected');
  }

  #beat(): void {
    if (!this.#heard) {
      this.#closed(NO_CLOSE_FRAME, 'the server is silent');
      return;
    }
    this.#heard = false;
    this.#announce();
  }

  #announcementFailed({ code, message }: Extract<Incoming, { kind: 'error' }>): void {
    if (code === 'peer_id_taken') this.#announceLater();
    else this.#end(new KrakenError('signal', `${code}: ${message}`));
  }

  #announceLater(): void {
    if (this.#announceBackoff.failures >= PEER_ID_ATTEMPTS) {
      this.#end(new KrakenError('peer-id-taken', 'another connection has this peer id'));
      return;
    }
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#announce();
    }, this.#announceBackoff.next());
  }

  #closed(code: number, reason: string): void {
    this.#dropSocket();
    if (isPermanent(code)) {
      const why = reason === '' ? '' : `: ${reason}`;
      const error = new KrakenError('refused', `the server refuses with ${String(code)}${why}`, {
        closeCode: code,
      });
      this.#end(error, { code, reason });
      return;
    }
    if (this.#status === 'connected') this.#setStatus('reconnecting', { code, reason });
    this.#dialLater();
  }

  #dialLater(): void {
    this.#retry = setTimeout(() => {
      void this.#dial();
    }, this.#dialBackoff.next());
  }

  #end(error: KrakenError, close?: { code: number; reason: string }): void {
    this.#dials += 1;
    this.#dropSocket();
    const opening = this.#opening;
    this.#opening = null;
    this.#dialBackoff.reset();
    this.#announceBackoff.reset();
    this.#setStatus('closed', close);
    if (error.code !== 'disconnected') this.#options.onError(error);
    opening?.reject(error);
  }

  #dropSocket(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#heartbeat);
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #setStatus(status: ConnectionStatus, close?: { code: number; reason: string }): void {
    this.#status = status;
    this.#options.onStatus(status, close);
  }
}

function isPermanent(code: number): boolean {
  return code >= 4400 && code <= 4499;
}

function pending(): Pending {
  let resolve!: () => void;
  let reject!: (error: KrakenError) => void;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Nobody need wait for it: status and error events tell the same.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
