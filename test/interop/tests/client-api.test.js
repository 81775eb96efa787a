// @ts-check
/** The unmodified `@kinode/client-api`, as a page that the node serves uses it. */
import assert from 'node:assert/strict';
import { logIn } from '../lib/api.js';
import { edit } from '../lib/edits.js';
import { KinodeClient } from '../lib/kinode.js';
import { becomePage } from '../lib/page.js';
import { update } from '../lib/raw.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

/** How much is written to the room of a reader that has stopped: more than it may have waiting. */
const FLOOD = { messages: 40, bytes: 512 * 1024 };

/**
 * A socket as the package opens it in the owner's browser, and a ticket for it.
 *
 * @param {Scene} scene
 */
async function inOwnersBrowser(scene) {
  becomePage(`${scene.server.node}/kraken:kraken:template.os/`, await logIn(scene.server));
  const client = new KinodeClient();
  scene.cleanups.push(() => client.close());
  return client;
}

/**
 * What the page itself does to get a ticket.
 *
 * @returns {Promise<string>}
 */
async function ticketForPage() {
  const answer = await fetch('/kraken:kraken:template.os/owner/api/tickets', { method: 'POST', body: '{}' });
  assert.equal(answer.status, 201);
  const { ticket } = /** @type {{ ticket: string }} */ (await answer.json());
  return ticket;
}

suite('client-api', (test) => {
  test('TI6: two rooms over one socket, in both directions with a y-websocket client', { needs: ['apps'] }, async (scene) => {
    const kinode = await inOwnersBrowser(scene);
    const notes = await kinode.open(`${scene.room}/notes`, await ticketForPage());
    const tasks = await kinode.open(`${scene.room}/tasks`);
    const bob = await scene.joined({ room: `${scene.room}/notes` });
    const carol = await scene.joined({ room: `${scene.room}/tasks` });

    notes.text.insert(0, 'noted');
    tasks.text.insert(0, 'to do');
    await bob.hasText('noted');
    await carol.hasText('to do');
    bob.text.insert(0, 'well ');
    carol.text.insert(0, 'nothing ');
    await notes.hasText('well noted');
    await tasks.hasText('nothing to do');

    notes.awareness.setLocalState({ name: 'Owner' });
    await bob.sees((states) => states.get(notes.doc.clientID)?.['name'] === 'Owner', 'the owner');
    assert.equal(carol.awareness.getStates().has(notes.doc.clientID), false);
  });

  test('TI6: what is there already arrives, and a room that is closed is left', { needs: ['apps'] }, async (scene) => {
    const bob = await scene.joined();
    bob.text.insert(0, 'already here');
    const kinode = await inOwnersBrowser(scene);
    const room = await kinode.open(scene.room, await ticketForPage());
    await room.hasText('already here');
    room.awareness.setLocalState({ name: 'Owner' });
    await bob.sees((states) => states.has(room.doc.clientID), 'the owner');
    kinode.say({ kraken: 'close', room: scene.room });
    await bob.sees((states) => !states.has(room.doc.clientID), 'the owner gone');
  });

  test('TI6: JSON may come as text as well', { needs: ['apps'] }, async (scene) => {
    const kinode = await inOwnersBrowser(scene);
    await kinode.opened;
    kinode.socket.send(JSON.stringify({ kraken: 'open', room: scene.room, ticket: await ticketForPage() }));
    await kinode.hears(({ kraken }) => kraken === 'open', 'the room being open');
  });

  test('TI7: a socket without a ticket gets nothing but an error, and stays open', { needs: ['apps'] }, async (scene) => {
    const bob = await scene.joined();
    bob.text.insert(0, 'secret');
    const kinode = await inOwnersBrowser(scene);
    await kinode.opened;
    for (const open of [{ kraken: 'open', room: scene.room }, { kraken: 'open', room: scene.room, ticket: 'wrong' }]) {
      kinode.say(open);
      const error = await kinode.hears(({ kraken }) => kraken === 'error', 'an error');
      assert.equal(error.room, scene.room);
      assert.match(String(error.code), /ticket/);
      assert.notEqual(error.message, '');
    }
    assert.deepEqual(kinode.inbox, []);
    assert.equal(kinode.socket.readyState, kinode.socket.OPEN);
  });

  /** @type {Array<[what: string, said: unknown]>} */
  const nonsense = [
    ['no JSON', 'not JSON'],
    ['no object', [1, 2]],
    ['a greeting', '"Hello World"'],
    ['an unknown word', { kraken: 'dance', room: 'x' }],
    ['a room that is not open', { kraken: 'sync', room: 'elsewhere', data: 'AAAA' }],
    ['data that is no base64', { kraken: 'sync', room: 'OPEN', data: '***' }],
    ['a malformed message', { kraken: 'sync', room: 'OPEN', data: 'AAIFAQ==' }],
  ];
  test('TI7: who sends nonsense is told, and nobody is closed', { needs: ['apps'] }, async (scene) => {
    for (const [what, said] of nonsense) {
      const kinode = await inOwnersBrowser(scene);
      await kinode.open(scene.room, await ticketForPage());
      const text = typeof said === 'string' ? said : JSON.stringify(said).replace('OPEN', scene.room);
      kinode.socket.send(text);
      await kinode.hears(({ kraken }) => kraken === 'error' || kraken === 'close', `an answer to ${what}`);
      assert.equal(kinode.socket.readyState, kinode.socket.OPEN, what);
    }
  });

  test('TI8: a socket that never reads is told so once it reads', { needs: ['apps'], within: 60_000 }, async (scene) => {
    const kinode = await inOwnersBrowser(scene);
    await kinode.open(scene.room, await ticketForPage());
    kinode.socket.pause();
    const [writer, reader] = [await scene.rawSettled(), await scene.rawSettled()];
    for (let n = 0; n < FLOOD.messages; n += 1) {
      const bytes = edit(String(n).padEnd(FLOOD.bytes, '.'));
      writer.send(update(bytes));
      assert.deepEqual(await reader.nextOf('update'), bytes);
    }
    kinode.socket.resume();
    const error = await kinode.hears(({ kraken }) => kraken === 'error', 'an error');
    assert.equal(error.code, 'stalled');
    assert.equal(kinode.socket.readyState, kinode.socket.OPEN);
  });

  test('TI10: a socket has at most 32 rooms', { needs: ['apps'] }, async (scene) => {
    const kinode = await inOwnersBrowser(scene);
    const first = await kinode.open(`${scene.room}/0`, await ticketForPage());
    for (let room = 1; room < 32; room += 1) await kinode.open(`${scene.room}/${room}`);
    kinode.say({ kraken: 'open', room: `${scene.room}/32` });
    const error = await kinode.hears(({ kraken }) => kraken === 'error', 'an error');
    assert.equal(error.room, `${scene.room}/32`);
    const bob = await scene.joined({ room: `${scene.room}/0` });
    first.text.insert(0, 'goes on');
    await bob.hasText('goes on');
    kinode.say({ kraken: 'close', room: `${scene.room}/31` });
    await kinode.open(`${scene.room}/32`);
  });

  test('IS20: names of rooms in the JSON of client-api', { needs: ['apps'], within: 60_000 }, async (scene) => {
    const [victim, attacker] = [await scene.app(), await scene.app()];
    const member = await scene.joined({ origin: victim.origin, room: 'plans' });
    member.text.insert(0, 'the plans of the victim');
    const owner = await scene.owner();
    const ticketFor = async (/** @type {Record<string, unknown>} */ fields) =>
      (await owner.expect(201, 'POST', '/api/tickets', { app: attacker.id, ...fields })).ticket;
    const names = ['plans', `${victim.id}:plans`, `../${victim.id}/plans`, `${victim.id}\u0000plans`, '%70lans', 'PLANS'];
    for (const name of names) {
      const ticket = await ticketFor({});
      const kinode = await inOwnersBrowser(scene);
      const room = await kinode.open(name, ticket);
      room.text.insert(0, 'harm');
      const mate = await scene.joined({ origin: attacker.origin, room: encodeURIComponent(name) });
      await mate.hasText('harm');
      assert.equal(room.text.toString(), 'harm');
      kinode.say({ kraken: 'open', room: 'another', ticket, app: victim.id });
    }
    // A ticket for one room opens no second one on the same socket.
    const ticket = await ticketFor({ room: 'one' });
    const kinode = await inOwnersBrowser(scene);
    await kinode.open('one', ticket);
    kinode.say({ kraken: 'open', room: 'two' });
    const error = await kinode.hears(({ kraken }) => kraken === 'error', 'an error');
    assert.equal(error.room, 'two');
    const late = await scene.joined({ origin: victim.origin, room: 'plans' });
    assert.equal(late.text.toString(), 'the plans of the victim');
  });
});
