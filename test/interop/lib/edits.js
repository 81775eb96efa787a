// @ts-check
/** Updates made by hand, for clients that are bare sockets. */
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';

/**
 * An update of a new client that types this.
 *
 * @param {string} text
 * @returns {Uint8Array}
 */
export function edit(text) {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

/**
 * The text that these updates make.
 *
 * @param {Uint8Array[]} updates
 */
export function textOf(...updates) {
  const doc = new Y.Doc();
  for (const bytes of updates) Y.applyUpdate(doc, bytes);
  return doc.getText('text').toString();
}

/** A writer's document whose updates are sent by hand. */
export class Typist {
  doc = new Y.Doc();
  text = this.doc.getText('text');
  /** @type {Uint8Array[]} */
  updates = [];

  constructor() {
    this.doc.on('update', (/** @type {Uint8Array} */ bytes) => this.updates.push(bytes));
  }

  /**
   * The update of one more word at the end.
   *
   * @param {string} word
   */
  type(word) {
    this.text.insert(this.text.length, word);
    return /** @type {Uint8Array} */ (this.updates.at(-1));
  }
}

/**
 * A valid update that types `count` characters, each as a block of its own: what clients merge
 * that keep every keystroke.
 *
 * @param {number} count
 */
export function keystrokes(count) {
  const client = 77;
  const info = { string: 4, hasOrigin: 0x80 };
  return encoding.encode((out) => {
    for (const number of [1, count, client, 0]) encoding.writeVarUint(out, number);
    for (let clock = 0; clock < count; clock += 1) {
      if (clock === 0) {
        encoding.writeUint8(out, info.string);
        encoding.writeVarUint(out, 1);
        encoding.writeVarString(out, 'text');
      } else {
        encoding.writeUint8(out, info.string | info.hasOrigin);
        encoding.writeVarUint(out, client);
        encoding.writeVarUint(out, clock - 1);
      }
      encoding.writeVarString(out, 'x');
    }
    encoding.writeVarUint(out, 0);
  });
}
