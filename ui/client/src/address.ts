import { KrakenError, messageOf } from './errors.js';

type Token = string | undefined;

/** A token, or what gets a fresh one; a function is asked at each connect. */
export type TokenSource = Token | (() => Token | Promise<Token>);

export type WebSocketConstructor = new (url: string) => WebSocket;

/** Where a room is, and what opens it. */
export interface RoomOptions {
  /** The server, such as `wss://kraken.example.com`. */
  url: string;
  room: string;
  /** A token, or a function that gets one; a function is asked at each connect. */
  token?: TokenSource;
  /**
   * `gateway` (the default) shows the token when it connects. `direct` gets a ticket with it first,
   * which a Kinode node wants; without a token it is the node's owner who asks, by their login.
   */
  via?: 'gateway' | 'direct' | undefined;
  /** The app whose room it is, for the node's owner, who may enter all. Default: `default`. */
  app?: string | undefined;
  /** Default: the browser's. */
  WebSocket?: WebSocketConstructor | undefined;
}

/**
 * The address of a socket that isn't open yet. Rejects with a `KrakenError`: `refused` if there is
 * no point in trying again, `token` or `ticket` if there is.
 */
export async function addressOf(options: RoomOptions): Promise<string> {
  const token = await freshToken(options.token);
  const base = options.url.replace(/\/+$/, '');
  const socketBase = base.replace(/^http/, 'ws');
  const path = `doc/${encodeURIComponent(options.room)}`;
  if (options.via === 'direct') {
    const ticket = await ticketFor(options, base.replace(/^ws/, 'http'), token);
    return `${socketBase}/t/${ticket}/${path}`;
  }
  const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
  return `${socketBase}/${path}${query}`;
}

async function freshToken(token: TokenSource): Promise<Token> {
  try {
    return typeof token === 'function' ? await token() : token;
  } catch (cause) {
    throw new KrakenError('token', `no token: ${messageOf(cause)}`, { cause });
  }
}

async function ticketFor({ room, app }: RoomOptions, base: string, token: Token): Promise<string> {
  const isOwner = token === undefined;
  const answer = await fetch(`${base}${isOwner ? '/owner' : ''}/api/tickets`, {
    method: 'POST',
    headers: isOwner ? {} : { authorization: `Bearer ${token}` },
    body: JSON.stringify({ room, app }),
  }).catch((cause: unknown) => {
    throw new KrakenError('ticket', `no ticket: ${messageOf(cause)}`, { cause });
  });
  const body = (await answer.json().catch(() => null)) as Answer | null;
  if (typeof body?.ticket === 'string') return body.ticket;
  throw refusal(answer.status, body?.error?.message);
}

interface Answer {
  ticket?: unknown;
  error?: { message?: string };
}

function refusal(status: number, message: string | undefined): KrakenError {
  // Instead of an answer of the API, a node shows its login page to whoever isn't logged in.
  if (message === undefined && status < 400) {
    return new KrakenError('refused', 'log in to the node first', { closeCode: 4401 });
  }
  const why = message ?? `the server answers ${String(status)}`;
  const isPermanent = status >= 400 && status < 500 && status !== 429;
  if (!isPermanent) return new KrakenError('ticket', `no ticket: ${why}`);
  return new KrakenError('refused', why, { closeCode: 4000 + status });
}
