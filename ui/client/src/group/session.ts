import { Backoff } from '../backoff.js';
import type { ConnectionState, RoomConnection, RoomUser } from '../connection.js';
import { KrakenError, refusedWith } from '../errors.js';
import { pending } from '../pending.js';
import type { Pending } from '../pending.js';
import type { CallStatus } from './events.js';
import { decode, encode } from './protocol.js';
import type { Ended, FromClient, Joined, Problem, ToClient } from './protocol.js';

export interface SessionOptions {
  connection: RoomConnection;
  peer: string;
  name: string | undefined;
  metadata: unknown;
  onJoined(joined: Joined): void;
  /** What comes after that. */
  onMessage(message: InCall): void;
  onStatus(status: CallStatus): void;
  onError(error: KrakenError): void;
}

export type InCall = Exclude<ToClient, { type: 'joined' | 'ended' }>;

/** What may be otherwise in a moment, for who has been in the call. */
const PASSING = new Set(['no_engine', 'no_answer', 'overloaded', 'full', 'peer_taken']);
/** An engine that is back is found within this time. */
const LONGEST_PAUSE_MS = 1_000;
/** What lasted this long was a success, so that the next pause is the shortest again. */
const STABLE_MS = 10_000;
/** A server that doesn't know of group calls says nothing at all. */
const ANSWER_MS = 10_000;

/**
 * A client's membership in a room's call: joins it on each new socket, and comes back to it when
 * the engine has gone, until it leaves or is refused.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #connection: RoomConnection;
  readonly #backoff = new Backoff(LONGEST_PAUSE_MS);
  readonly #user: RoomUser = {
    needsGreeting: false,
    changed: (state) => {
      this.#connectionChanged(state);
    },
    received: (message) => {
      if (typeof message === 'string') this.#receive(message);
    },
    failed: (error) => {
      this.#options.onError(error);
    },
  };
  #status: CallStatus = { state: 'out' };
  /** Null unless this client wants to be in the call. */
  #joining: Pending | null = null;
  /** Whether a join on this socket hasn't been answered yet. */
  #isAsked = false;
  #wasJoined = false;
  #joinedAt = 0;
  #session: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#connection = options.connection;
  }

  get status(): CallStatus {
    return this.#status;
  }

  /** Resolves once in the call; rejects if refused, or left before that. */
  join(): Promise<void> {
    if (this.#joining !== null) return this.#joining.promise;
    this.#joining = pending();
    const { promise } = this.#joining;
    this.#setStatus({ state: 'joining' });
    // Who has left before there was an answer is still about to get it.
    this.#connection.join(this.#user);
    return promise;
  }

  leave(): void {
    if (this.#joining === null) return;
    if (this.#status.state === 'joined') this.send({ type: 'leave' });
    this.#end({ state: 'out' }, new KrakenError('disconnected', 'left the call'));
  }

  /** Leaves, and comes back as if it had never been there: its connection has come to nothing. */
  beginAnew(): void {
    if (!this.send({ type: 'leave' })) return;
    this.#session = null;
    this.#askLater('lost');
  }

  /** Leaves for good: there is nothing to be had here. */
  refuse(error: KrakenError): void {
    if (this.#status.state === 'joined') this.send({ type: 'leave' });
    this.#end({ state: 'ended', because: 'refused', error }, error);
  }

  /** False unless this client is in the call; nothing is kept for later. */
  send(message: FromClient): boolean {
    return this.#status.state === 'joined' && this.#connection.send(encode(message));
  }

  #connectionChanged(state: ConnectionState): void {
    this.#forgetQuestion();
    if (this.#joining === null) {
      this.#connection.leave(this.#user);
      return;
    }
    switch (state.state) {
      case 'connected':
        this.#ask();
        break;
      case 'connecting':
      case 'offline':
        if (this.#wasJoined) this.#setStatus({ state: 'reconnecting', because: 'connection' });
        break;
      case 'refused':
        this.refuse(refusedWith(state));
        break;
      case 'closed':
        break;
    }
  }

  #ask(): void {
    const { peer, name, metadata } = this.#options;
    const join: FromClient = {
      type: 'join',
      peer,
      ...(name !== undefined && { name }),
      ...(metadata !== undefined && { metadata }),
      ...(this.#session !== null && { session: this.#session }),
    };
    this.#isAsked = this.#connection.send(encode(join));
    this.#timer = setTimeout(() => {
      const message = 'the server doesn’t answer';
      this.#joinFailed({ type: 'error', code: 'no_answer', message, about: 'join' });
    }, ANSWER_MS);
  }

  #askLater(because: 'engine' | 'lost'): void {
    if (Date.now() - this.#joinedAt >= STABLE_MS) this.#backoff.reset();
    this.#setStatus({ state: 'reconnecting', because });
    this.#timer = setTimeout(() => {
      this.#ask();
    }, this.#backoff.next());
  }

  #forgetQuestion(): void {
    clearTimeout(this.#timer);
    this.#isAsked = false;
  }

  #receive(text: string): void {
    const message = decode(text);
    if (message === null) return;
    if (message.type === 'joined') this.#joined(message);
    else if (message.type === 'ended') this.#ended(message.reason);
    else if (message.type === 'error' && this.#isAnswer(message)) this.#joinFailed(message);
    else if (this.#status.state === 'joined') this.#options.onMessage(message);
  }

  /** A join that can't be read is refused as nothing in particular. */
  #isAnswer({ about }: Problem): boolean {
    return this.#isAsked && (about ?? 'join') === 'join';
  }

  #joined(joined: Joined): void {
    this.#forgetQuestion();
    if (this.#joining === null) {
      this.#connection.send(encode({ type: 'leave' }));
      this.#connection.leave(this.#user);
      return;
    }
    this.#session = joined.session;
    this.#wasJoined = true;
    this.#joinedAt = Date.now();
    this.#setStatus({ state: 'joined' });
    this.#options.onJoined(joined);
    this.#joining.resolve();
  }

  #ended(reason: Ended): void {
    this.#forgetQuestion();
    if (this.#joining === null) {
      this.#connection.leave(this.#user);
      return;
    }
    switch (reason) {
      case 'engine':
        // It may be the same one, which only couldn't be reached: then media has gone on.
        this.#askLater(reason);
        break;
      case 'lost':
        this.#session = null;
        this.#askLater(reason);
        break;
      case 'removed':
      case 'replaced': {
        const error = new KrakenError('call-ended', `the call has ended: ${reason}`, { reason });
        this.#end({ state: 'ended', because: reason, error }, error);
      }
    }
  }

  #joinFailed({ code, message }: Problem): void {
    this.#forgetQuestion();
    if (this.#joining === null) this.#connection.leave(this.#user);
    else if (this.#wasJoined && PASSING.has(code)) this.#askLater('engine');
    else this.refuse(new KrakenError('call-refused', message, { reason: code }));
  }

  #end(status: CallStatus, error: KrakenError): void {
    const joining = this.#joining;
    this.#joining = null;
    this.#session = null;
    this.#wasJoined = false;
    this.#backoff.reset();
    // A join that is still to be answered is taken back with the answer.
    if (!this.#isAsked) {
      clearTimeout(this.#timer);
      this.#connection.leave(this.#user);
    }
    this.#setStatus(status);
    joining?.reject(error);
  }

  #setStatus(status: CallStatus): void {
    this.#status = status;
    this.#options.onStatus(status);
  }
}
