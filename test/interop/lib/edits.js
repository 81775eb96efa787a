// @ts-check
/** Updates made by hand, for clients that are bare sockets. */
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
