// @ts-check
/** Two apps of one server, one of which is after the other's document. */
import assert from 'node:assert/strict';
import { edit, textOf } from './edits.js';
import { awareness, presence, QUERY_AWARENESS, update } from './raw.js';
import { MASTER_TOKEN } from './server.js';

/** @typedef {import('./suite.js').Scene} Scene */
/** @typedef {import('./raw.js').Refusal} Refusal */
/** @typedef {import('./api.js').App} App */

/** What is in the victim's document, and nobody else may read. */
const SECRET = 'the plans of the victim';
export const ROOM = 'plans';

/** Two apps; the victim has a document, a user in it, and a way to see whether all is well. */
export class World {
  /**
   * @param {Scene} scene
   * @param {App} victim
   * @param {App} attacker
   * @param {import('./client.js').Client} member of the victim's room
   */
  constructor(scene, victim, attacker, member) {
    this.scene = scene;
    this.victim = victim;
    this.attacker = attacker;
    this.member = member;
  }

  /**
   * @param {Scene} scene
   * @param {Record<string, unknown>} [fields] of the victim's registration
   */
  static async of(scene, fields) {
    const [victim, attacker] = [await scene.app(fields), await scene.app()];
    const member = await scene.joined({ origin: victim.origin, token: await victim.token(), room: ROOM });
    member.text.insert(0, SECRET);
    member.awareness.setLocalState({ name: 'Member' });
    const mate = await scene.joined({ origin: victim.origin, token: await victim.token(), room: ROOM });
    await mate.hasText(SECRET);
    await mate.sees((states) => states.has(member.id), 'the member');
    return new World(scene, victim, attacker, member);
  }

  /**
   * Tries to get in somewhere, reads what is there, and does what harm it can. The request line
   * goes out as it is given: nothing tidies the path.
   *
   * @param {object} handshake
   * @param {string} [handshake.path] what follows `/doc/`, verbatim
   * @param {string} [handshake.token]
   * @param {string | string[]} [handshake.origin] several for several headers
   * @returns {Promise<Refusal | null>} null if it is let in, where the victim's document is not
   */
  async attempt({ path = ROOM, token = MASTER_TOKEN, origin = this.attacker.origin }) {
    const client = this.scene.raw({
      origin: null,
      finishRequest: (request) => {
        request.path = `/doc/${path}?token=${token}`;
        if (origin !== '') request.setHeader('Origin', origin);
        request.end();
      },
    });
    const refusal = await Promise.race([client.whenRefused, client.opened.then(() => null)]);
    if (refusal === null) await this.harm(client);
    return refusal;
  }

  /** @param {import('./raw.js').RawClient} client which is let in somewhere */
  async harm(client) {
    client.send(update(edit('harm')));
    client.send(awareness([{ id: this.member.id, clock: 1_000, state: null }]));
    client.send(awareness([{ id: this.member.id, clock: 1_001, state: { name: 'Somebody else' } }]));
    client.send(QUERY_AWARENESS);
    const { before, state } = await client.settle();
    assert.equal(textOf(state).includes(SECRET), false, 'the document of the victim was read');
    for (const message of before) {
      if (message.kind !== 'awareness') continue;
      const { state: seen } = presence(message.body).get(this.member.id) ?? {};
      assert.notDeepEqual(seen, { name: 'Member' }, 'a user of the victim was seen');
    }
  }

  /** That the victim's document and presence are what they were. */
  async isUnharmed() {
    const { scene, victim, member } = this;
    const late = await scene.joined({ origin: victim.origin, token: await victim.token(), room: ROOM });
    assert.equal(late.text.toString(), SECRET);
    assert.equal(member.text.toString(), SECRET);
    await late.sees((states) => states.get(member.id)?.['name'] === 'Member', 'the member as it was');
  }
}
