import { Backoff } from './backoff.js';
import type { ConnectionState, RoomConnection, RoomUser } from './connection.js';
import { KrakenError, refusedWith } from './errors.js';
import type { ConnectionStatus } from './events.js';
import { pending } from './pending.js';
import type { Pending } from './pending.js';
import { decode, encode } from './protocol.js';
import type { AnnounceSignal, Incoming, OutgoingSignal } from './protocol.js';

interface Close {
  code: number;
  reason: string;
}

export interface SignalingOptions {
  connection: RoomConnection;
  announcement: AnnounceSignal;
  onMessage(message: Incoming): void;
  onStatus(status: ConnectionStatus, close?: Close): void;
  onError(error: KrakenError): void;
}

/**
 * An earlier connection of this client may be half-open, after a change of networks for example.
 * The server finds out within 50 seconds; this many attempts take more than a minute.
 */
const PEER_ID_ATTEMPTS = 20;

/**
 * A participant's part of a room's connection: announces it on each new socket. It is `connected`
 * once the server has answered the announcement.
 */
export class Signaling {
  readonly #options: SignalingOptions;
  readonly #connection: RoomConnection;
  readonly #announceBackoff = new Backoff();
  readonly #user: RoomUser = {
    needsGreeting: false,
    changed: (state) => {
      this.#connectionChanged(state);
    },
    received: (message) => {
      // What is binary belongs to the document that shares the room's name.
      if (typeof message === 'string') this.#receive(message);
    },
    failed: (error) => {
      this.#options.onError(error);
    },
  };
  #status: ConnectionStatus = 'closed';
  #opening: Pending | null = null;
  #announceAgain: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SignalingOptions) {
    this.#options = options;
    this.#connection = options.connection;
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
    this.#connection.join(this.#user);
    return promise;
  }

  close(): void {
    if (this.#opening === null) return;
    this.#end(new KrakenError('disconnected', 'disconnected before there was a connection'));
  }

  /** False if there is no connection; nothing is kept for later. */
  send(signal: OutgoingSignal): boolean {
    return this.#status === 'connected' && this.#connection.send(encode(signal));
  }

  #connectionChanged(state: ConnectionState): void {
    clearTimeout(this.#announceAgain);
    switch (state.state) {
      case 'connected':
        this.#announce();
        break;
      case 'connecting':
        if (this.#status === 'connected') this.#setStatus('reconnecting');
        break;
      case 'offline':
        if (this.#status === 'connected') this.#setStatus('reconnecting', state);
        break;
      case 'refused':
        this.#end(refusedWith(state), state);
        break;
      case 'closed':
        break;
    }
  }

  #announce(): void {
    this.#connection.send(encode(this.#options.announcement));
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
    this.#announceBackoff.reset();
    if (this.#status !== 'connected') this.#setStatus('connected');
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
    clearTimeout(this.#announceAgain);
    this.#announceAgain = setTimeout(() => {
      this.#announce();
    }, this.#announceBackoff.next());
  }

  #end(error: KrakenError, close?: Close): void {
    clearTimeout(this.#announceAgain);
    const opening = this.#opening;
    this.#opening = null;
    this.#announceBackoff.reset();
    this.#connection.leave(this.#user);
    // The server knows this participant for as long as it knows the socket, which others still use.
    if (this.#connection.state.state === 'connected') this.#connection.reopen();
    this.#setStatus('closed', close);
    if (error.code !== 'disconnected') this.#options.onError(error);
    opening?.reject(error);
  }

  #setStatus(status: ConnectionStatus, close?: Close): void {
    this.#status = status;
    this.#options.onStatus(status, close && { code: close.code, reason: close.reason });
  }
}
