/** Why something failed, for programs. */
export type KrakenErrorCode =
  /** The server refuses this client for good, with a close code of 4400 to 4499. */
  | 'refused'
  /** The operation needs a connection, and there is none. */
  | 'not-connected'
  /** `disconnect` was called before the operation was done. */
  | 'disconnected'
  /** Another connection keeps using this client's peer id. */
  | 'peer-id-taken'
  /** The token function threw. */
  | 'token'
  /** There was no answer to the request for a ticket, or a bad one. */
  | 'ticket'
  /** What this device keeps of the document can't be had. */
  | 'storage'
  /** The server didn't like a message. */
  | 'signal'
  /** There is no such call. */
  | 'no-call'
  /** The call ended before it was established. */
  | 'call-ended'
  /** The server or its media engine refuses something about a group call: see `reason`. */
  | 'call-refused'
  /** Camera, microphone or screen can't be had. */
  | 'media';

export class KrakenError extends Error {
  override readonly name = 'KrakenError';
  readonly code: KrakenErrorCode;
  /** The socket's close code, if one was the reason. */
  readonly closeCode: number | undefined;
  /** The server's own code for what it refused, such as `no_engine`. */
  readonly reason: string | undefined;

  constructor(
    code: KrakenErrorCode,
    message: string,
    options: { cause?: unknown; closeCode?: number; reason?: string } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.closeCode = options.closeCode;
    this.reason = options.reason;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A socket that was closed for good. */
export function refusedWith({ code, reason }: { code: number; reason: string }): KrakenError {
  if (code < 4000) return new KrakenError('refused', reason);
  const why = reason === '' ? '' : `: ${reason}`;
  return new KrakenError('refused', `the server refuses with ${String(code)}${why}`, {
    closeCode: code,
  });
}
