/** How a message to other members travels: a byte with the length of a name, the name, the rest. */
import { KrakenError } from '../errors.js';

export const LARGEST_MESSAGE = 16 * 1024;

export interface DataMessage {
  /** Who sent it. */
  from: string;
  data: Uint8Array;
}

/** To nobody in particular is to everybody. */
export function pack(data: string | ArrayBuffer | Uint8Array, to = ''): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(to);
  const payload = bytesOf(data);
  const length = 1 + name.length + payload.length;
  if (name.length > 255 || length > LARGEST_MESSAGE) {
    const most = String(LARGEST_MESSAGE);
    throw new KrakenError('call-refused', `a message may have ${most} bytes`, {
      reason: 'too_large',
    });
  }
  const message = new Uint8Array(length);
  message[0] = name.length;
  message.set(name, 1);
  message.set(payload, 1 + name.length);
  return message;
}

/** Null for what is no message. */
export function unpack(message: Uint8Array): DataMessage | null {
  const end = 1 + (message[0] ?? message.length);
  if (end > message.length) return null;
  return { from: new TextDecoder().decode(message.subarray(1, end)), data: message.slice(end) };
}

function bytesOf(data: string | ArrayBuffer | Uint8Array): Uint8Array {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  return data instanceof Uint8Array ? data : new Uint8Array(data);
}
