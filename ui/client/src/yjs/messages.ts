/** The binary side of a room's socket: messages of y-protocols, one in each frame. */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { readAuthMessage } from 'y-protocols/auth';
import { encodeAwarenessUpdate } from 'y-protocols/awareness';
import type { Awareness } from 'y-protocols/awareness';
import * as sync from 'y-protocols/sync';
import type { Doc } from 'yjs';

const SYNC = 0;
const AWARENESS = 1;
const AUTH = 2;
const QUERY_AWARENESS = 3;

export type Message =
  /** What the server knows; it wants the rest. */
  | { kind: 'step-1'; stateVector: Uint8Array }
  /** What this client lacked when it asked. */
  | { kind: 'step-2'; update: Uint8Array }
  | { kind: 'update'; update: Uint8Array }
  | { kind: 'awareness'; update: Uint8Array }
  | { kind: 'query-awareness' }
  | { kind: 'denied'; reason: string };

/** What travels: bytes of their own, as sockets take them. */
export type Frame = Uint8Array<ArrayBuffer>;

export function step1(doc: Doc): Frame {
  return frame(SYNC, (encoder) => {
    sync.writeSyncStep1(encoder, doc);
  });
}

export function step2(doc: Doc, stateVector: Uint8Array): Frame {
  return frame(SYNC, (encoder) => {
    sync.writeSyncStep2(encoder, doc, stateVector);
  });
}

export function update(bytes: Uint8Array): Frame {
  return frame(SYNC, (encoder) => {
    sync.writeUpdate(encoder, bytes);
  });
}

/** This client's own state. */
export function presence(awareness: Awareness): Frame {
  return awarenessFrame(encodeAwarenessUpdate(awareness, [awareness.clientID]));
}

/** That this client is gone. It doesn't change the awareness itself. */
export function absence(awareness: Awareness): Frame {
  return awarenessFrame(encodeAwarenessUpdate(awareness, [awareness.clientID], new Map()));
}

/** Null for what this version doesn't know. Throws if the bytes break off. */
export function decode(bytes: Uint8Array, doc: Doc): Message | null {
  const decoder = decoding.createDecoder(bytes);
  switch (decoding.readVarUint(decoder)) {
    case SYNC:
      return decodeSync(decoder);
    case AWARENESS:
      return { kind: 'awareness', update: decoding.readVarUint8Array(decoder) };
    case AUTH:
      return decodeAuth(decoder, doc);
    case QUERY_AWARENESS:
      return { kind: 'query-awareness' };
    default:
      return null;
  }
}

function decodeSync(decoder: decoding.Decoder): Message | null {
  const type = decoding.readVarUint(decoder);
  const bytes = decoding.readVarUint8Array(decoder);
  switch (type) {
    case sync.messageYjsSyncStep1:
      return { kind: 'step-1', stateVector: bytes };
    case sync.messageYjsSyncStep2:
      return { kind: 'step-2', update: bytes };
    case sync.messageYjsUpdate:
      return { kind: 'update', update: bytes };
    default:
      return null;
  }
}

function decodeAuth(decoder: decoding.Decoder, doc: Doc): Message | null {
  let denied: Message | null = null;
  readAuthMessage(decoder, doc, (_doc, reason) => {
    denied = { kind: 'denied', reason };
  });
  return denied;
}

function awarenessFrame(bytes: Uint8Array): Frame {
  return frame(AWARENESS, (encoder) => {
    encoding.writeVarUint8Array(encoder, bytes);
  });
}

function frame(type: number, write: (encoder: encoding.Encoder) => void): Frame {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, type);
  write(encoder);
  return encoding.toUint8Array(encoder);
}
