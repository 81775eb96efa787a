// Writes what real clients send (yjs, y-protocols) as seeds of `updates`, `messages` and
// `awareness`. Needs the packages of test/interop: `npm ci` there, then `node test/fuzz/seeds.js`.
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';

const require = createRequire(new URL('../interop/package.json', import.meta.url));
const Y = require('yjs');
const encoding = require('lib0/encoding');
const awarenessProtocol = require('y-protocols/awareness');
const syncProtocol = require('y-protocols/sync');

const SYNC = 0;
const AWARENESS = 1;
const QUERY_AWARENESS = 3;
/** In the target `awareness`: a message of connection 1, as its own. */
const MESSAGE_OF_ONE = (2 << 3) | 1;

const write = (target, name, bytes) => {
  const folder = new URL(`corpus/${target}/`, import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(name, folder), bytes);
};

const encoded = (build) => {
  const encoder = encoding.createEncoder();
  build(encoder);
  return encoding.toUint8Array(encoder);
};

const row = (updates) =>
  encoded((encoder) => updates.forEach((update) => encoding.writeVarUint8Array(encoder, update)));

/** A document that two people edit, by turns and at once, with all that Yjs has. */
const edited = () => {
  const [alice, bob] = [7, 4_000_000_000].map((client) => {
    const doc = new Y.Doc();
    doc.clientID = client;
    return doc;
  });
  const updates = [];
  for (const doc of [alice, bob]) {
    doc.on('update', (update, origin) => origin === 'other' || updates.push(update));
  }
  const exchange = () => {
    Y.applyUpdate(bob, Y.encodeStateAsUpdate(alice, Y.encodeStateVector(bob)), 'other');
    Y.applyUpdate(alice, Y.encodeStateAsUpdate(bob, Y.encodeStateVector(alice)), 'other');
  };
  const text = alice.getText('text');
  text.insert(0, 'hello wörld 🐙');
  exchange();
  text.insert(5, ' brave new');
  bob.getText('text').insert(5, ', old');
  text.format(0, 5, { bold: true });
  text.insertEmbed(3, { image: 'x.png' });
  exchange();
  bob.getText('text').delete(2, 9);
  const map = bob.getMap('map');
  map.set('a', 1.5);
  map.set('a', [true, null, 'x', { deep: [1n << 60n] }, new Uint8Array([1, 2, 3])]);
  map.set('nested', new Y.Map([['inner', 'value']]));
  map.delete('a');
  exchange();
  const array = alice.getArray('array');
  array.insert(0, [1, 'two', new Y.Text('three'), new Y.Array()]);
  array.delete(1, 2);
  map.set('doc', new Y.Doc({ guid: 'sub' }));
  const paragraph = new Y.XmlElement('p');
  paragraph.setAttribute('class', 'x');
  alice.getXmlFragment('xml').insert(0, [paragraph, new Y.XmlText('text')]);
  paragraph.insert(0, [new Y.XmlHook('hook')]);
  const undo = new Y.UndoManager(text);
  text.insert(0, 'undone');
  undo.undo();
  undo.redo();
  exchange();
  return { alice, updates };
};

const { alice, updates } = edited();
const whole = Y.encodeStateAsUpdate(alice);
write('updates', 'yjs-row', row(updates));
write('updates', 'yjs-backwards', row(updates.toReversed()));
write('updates', 'yjs-gap', row(updates.filter((_, index) => index % 4 !== 2)));
write('updates', 'yjs-whole', row([whole, ...updates]));
write('updates', 'yjs-merged', row([Y.mergeUpdates(updates.slice(3)), Y.mergeUpdates(updates)]));
write('updates', 'yjs-diff', row([Y.diffUpdate(whole, Y.encodeStateVector(new Y.Doc())), whole]));

const sync = (build) =>
  encoded((encoder) => {
    encoding.writeVarUint(encoder, SYNC);
    build(encoder);
  });
write('messages', 'yjs-step-1', sync((encoder) => syncProtocol.writeSyncStep1(encoder, alice)));
write('messages', 'yjs-step-2', sync((encoder) => syncProtocol.writeSyncStep2(encoder, alice)));
write('messages', 'yjs-update', sync((encoder) => syncProtocol.writeUpdate(encoder, updates[0])));
write('messages', 'yjs-query', encoded((encoder) => encoding.writeVarUint(encoder, QUERY_AWARENESS)));

const people = [alice.clientID, 12, 4_294_967_295].map((client) => {
  const doc = new Y.Doc();
  doc.clientID = client;
  const awareness = new awarenessProtocol.Awareness(doc);
  clearInterval(awareness._checkInterval);
  awareness.setLocalState({ user: { name: `Ö${client}` }, cursor: null });
  return awareness;
});
const everybody = people[0];
for (const other of people.slice(1)) {
  const entries = awarenessProtocol.encodeAwarenessUpdate(other, [other.clientID]);
  awarenessProtocol.applyAwarenessUpdate(everybody, entries, 'other');
}
const entries = (awareness) =>
  awarenessProtocol.encodeAwarenessUpdate(awareness, [...awareness.meta.keys()]);
const before = entries(everybody);
people[1].setLocalStateField('cursor', { anchor: 1, head: 2 });
people[2].setLocalState(null);
const message = (bytes) =>
  encoded((encoder) => {
    encoding.writeVarUint(encoder, AWARENESS);
    encoding.writeVarUint8Array(encoder, bytes);
  });
write('messages', 'yjs-awareness', message(before));
const said = (...messages) =>
  encoded((encoder) => {
    for (const bytes of messages) {
      encoding.writeUint8(encoder, MESSAGE_OF_ONE);
      encoding.writeVarUint8Array(encoder, bytes);
    }
  });
write('awareness', 'yjs-everybody', said(before));
write('awareness', 'yjs-changes', said(before, entries(people[1]), entries(people[2])));
