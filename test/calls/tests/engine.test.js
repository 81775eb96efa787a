// @ts-check
/** Calls through `kraken engine`, from pages that know nothing but the seed's procedure. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Stage } from '../lib/browser.js';
import { Service, endAll } from '../lib/service.js';
import { until } from '../lib/wait.js';

/** @type {Stage} */
let stage;
/** @type {import('../lib/browser.js').Person[]} */
let people = [];

before(async () => {
  stage = await Stage.open();
});

after(async () => {
  await stage.close();
});

afterEach(async () => {
  for (const person of people) await person.vanish();
  people = [];
  await endAll();
});

/** @param {string} api @param {string} user @param {string[]} [flags] */
async function join(api, user, flags) {
  const person = await stage.join(api, user, flags);
  people.push(person);
  return person;
}

test('EN50: three people hear each other, one is late, one mutes, one comes back', async () => {
  const engine = await Service.engine();
  const [a, b] = [await join(engine.api, 'a'), await join(engine.api, 'b')];
  await a.untilSees(['b']);
  await b.untilSees(['a']);
  const name = '551d268f-12c5-4d1a-a33d-6f3c2a1b4e5f%3A0JbQstCw0L0g0JPRgNC-0LfQvdGL0LkgLyDkvaDlpb3kuJbnlYw%3D';
  const c = await join(engine.api, name);
  const c_name = decodeURIComponent(name);
  await a.untilSees(['b', c_name]);
  await b.untilSees(['a', c_name]);
  await c.untilSees(['a', 'b']);
  await a.hears('b', c_name);
  await b.hears('a', c_name);
  await c.hears('a', 'b');
  assert.match((await a.path()).cipher, /AES/);

  await a.setMicrophone(false);
  await until('b hears nothing of a', 20_000, async () => {
    const before = await b.inbound('a');
    await b.hears(c_name);
    const now = await b.inbound('a');
    return now.packets > before.packets && now.energy === before.energy;
  });
  assert.deepEqual(await b.sees(), ['a', c_name].sort());
  await a.setMicrophone(true);
  await b.hears('a');

  await c.vanish();
  people.splice(people.indexOf(c), 1);
  const again = await join(engine.api, name);
  await again.hears('a', 'b');
  await a.untilSees(['b', c_name]);
  await a.hears(c_name);
  for (const person of [a, b, again]) {
    assert.deepEqual(await person.history(), { starts: 1, errors: [] });
  }
  await engine.end();
});

test('EN51: who vanishes is gone within 7 seconds, who ends at once', async () => {
  const engine = await Service.engine({ config: '[rpc]\nlist-shows-sessions = true\n' });
  const [a, b, c] = [await join(engine.api, 'a'), await join(engine.api, 'b'), await join(engine.api, 'c')];
  await a.hears('b', 'c');
  await c.vanish();
  people.splice(people.indexOf(c), 1);
  await a.untilSees(['b'], 7_500);
  const { data } = await engine.call('list', ['room']);
  const { track } = data.peers.find((/** @type {any} */ peer) => peer.id === 'b');
  assert.deepEqual((await engine.call('end', ['room', 'b', track])).data, {});
  await until('b starts anew', 10_000, async () => (await b.history()).starts === 2);
  await a.hears('b');
  await engine.end();
});

test('EN52: pages come back by themselves after an engine restarts', async () => {
  let engine = await Service.engine();
  const listen = new URL(engine.api).host;
  const [a, b] = [await join(engine.api, 'a'), await join(engine.api, 'b')];
  await a.hears('b');
  await engine.end('SIGKILL');
  engine = await Service.engine({ listen });
  await until('both start anew', 20_000, async () => {
    return (await a.history()).starts > 1 && (await b.history()).starts > 1;
  });
  await a.untilSees(['b']);
  await a.hears('b');
  await b.hears('a');
  await engine.end();
});

test('EN53: pages send and receive video', async () => {
  const engine = await Service.engine();
  const [a, b] = [await join(engine.api, 'a', ['video']), await join(engine.api, 'b', ['video'])];
  const c = await join(engine.api, 'c');
  await a.untilSees(['b'], 30_000, 'video');
  await a.watches('b');
  await b.watches('a');
  await c.watches('a', 'b');
  await a.hears('b', 'c');
  assert.deepEqual(await a.sees('video'), ['b']);
  await engine.end();
});

test('EN54: a network without UDP is enough', async () => {
  const engine = await Service.engine();
  const [a, b] = [await join(engine.api, 'a', ['tcp']), await join(engine.api, 'b', ['chat'])];
  await a.hears('b');
  await b.hears('a');
  assert.equal((await a.path()).protocol, 'tcp');
  assert.equal((await b.path()).protocol, 'udp');
  await engine.end();
});

test('EN56: a page restarts ICE, and others hear on', async () => {
  const engine = await Service.engine();
  const [a, b] = [await join(engine.api, 'a', ['video']), await join(engine.api, 'b')];
  await a.hears('b');
  await b.hears('a');
  const { before, after } = await a.restart();
  assert.notEqual(after, before);
  await a.hears('b');
  await b.hears('a');
  await b.watches('a');
  const c = await join(engine.api, 'c');
  await a.hears('c');
  await c.hears('a', 'b');
  assert.deepEqual(await a.history(), { starts: 1, errors: [] });
  await engine.end();
});
