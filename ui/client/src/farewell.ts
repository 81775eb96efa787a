/** The message of y-protocols that says "permission denied". */
const AUTH = 2;
const PERMISSION_DENIED = 0;
/** What a reader who writes is told. It is no farewell: the reader stays. */
const READ_ONLY = 'read-only';

/**
 * The reason for which the server ignores this socket from now on, if that is what a message says.
 * At the node itself nobody is closed, and words stand for close codes.
 */
export function farewellIn(message: string | Uint8Array): string | null {
  if (typeof message === 'string') return null;
  if (message[0] !== AUTH || message[1] !== PERMISSION_DENIED) return null;
  const reason = new TextDecoder().decode(message.subarray(textStart(message)));
  return reason.startsWith(READ_ONLY) ? null : reason;
}

/** Behind the text's length, whose bytes have their highest bit set but for the last. */
function textStart(message: Uint8Array): number {
  let index = 2;
  while (((message[index] ?? 0) & 0x80) !== 0) index += 1;
  return index + 1;
}
