// @ts-check
/** Rooms in which people write, come, go, and lose their connection; one room after the other. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { converged } from '../../interop/lib/client.js';
import { Scene } from '../../interop/lib/suite.js';

/** @typedef {import('../../interop/lib/client.js').Client} Client */
/** @typedef {import('./load.js').Lane} Lane */

const MOST_CLIENTS = 5;
/** How long a room is in use, in seconds, and between two things that happen in it, in milliseconds. */
const [LIFE, PACE] = [20, 60];
/** Everybody has the same after this time, restarts or not, in milliseconds. */
const WITHIN = 60_000;
/** How many rooms back somebody looks in again: then it has left the server's memory. */
const BACK = 3;

/** @param {Lane} lane */
export async function documents(lane) {
  /** @type {Array<{ room: string, text: string }>} */
  const left = [];
  for (let life = 0; !lane.clock.isOver; life += 1) {
    const room = `${lane.name}-${life}`;
    left.push({ room, text: await live(lane, room) });
    if (left.length > BACK) await isAsItWas(lane, left.shift() ?? assert.fail());
    lane.counts.rooms += 1;
  }
}

/**
 * @param {Lane} lane
 * @param {string} room
 * @returns {Promise<string>} what is in it in the end
 */
async function live({ clock, server, counts, roll }, room) {
  const scene = new Scene(server, () => assert.fail());
  try {
    /** @type {Client[]} */
    const clients = [];
    const join = () => {
      clients.push(scene.join({ room }));
      counts.joins += 1;
    };
    join();
    join();
    const end = clock.now + LIFE;
    while (clock.now < end && !clock.isOver) {
      const client = clients[roll(clients.length)] ?? assert.fail();
      const chance = roll(100);
      if (chance < 70) client.text.insert(roll(client.text.length + 1), `${counts.edits} `);
      else if (chance < 85) shorten(client, roll);
      else if (chance < 93) client.awareness.setLocalStateField('cursor', roll(1_000));
      else if (chance < 95) client.provider.disconnect();
      else if (chance < 97) client.provider.connect();
      else if (chance < 98 && clients.length < MOST_CLIENTS) join();
      else if (chance < 99 && clients.length > 2) clients.splice(clients.indexOf(client), 1)[0]?.destroy();
      counts.edits += 1;
      await delay(roll(PACE));
    }
    for (const { provider } of clients) provider.connect();
    const late = scene.join({ room });
    await converged([...clients, late], WITHIN);
    await late.sees((states) => clients.every(({ id }) => states.has(id)), 'everybody', WITHIN);
    await delay(1_000);
    return late.text.toString();
  } finally {
    await scene.end();
  }
}

/**
 * @param {Lane} lane
 * @param {{ room: string, text: string }} left
 */
async function isAsItWas({ server, counts }, { room, text }) {
  const scene = new Scene(server, () => assert.fail());
  try {
    await scene.join({ room }).hasText(text, WITHIN);
    counts.revisits += 1;
  } finally {
    await scene.end();
  }
}

/**
 * @param {Client} client
 * @param {(limit: number) => number} roll
 */
function shorten({ text }, roll) {
  const at = roll(text.length + 1);
  text.delete(at, Math.min(3, text.length - at));
}
