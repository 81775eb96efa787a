// @ts-check
/** Calls through `kraken monitor` with two engines. The page is the same as without. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Stage } from '../lib/browser.js';
import { Service, endAll } from '../lib/service.js';
import { until } from '../lib/wait.js';

const KEY = 'a-key-that-monitor-and-engines-share';

/** @type {Stage} */
let stage;

before(async () => {
  stage = await Stage.open();
});

after(async () => {
  await stage.close();
});

afterEach(endAll);

/** A monitor, and two engines that it knows. */
async function fleet() {
  const monitor = await Service.monitor({ config: `[monitor]\nkey = "${KEY}"\n` });
  const config = `[monitor]\naddress = "${monitor.api}"\nkey = "${KEY}"\n`;
  const engines = [await Service.engine({ config }), await Service.engine({ config })];
  await until('both engines are known', 10_000, async () => (await status(monitor)).engines.length === 2);
  return { monitor, engines };
}

/** @param {Service} monitor */
async function status(monitor) {
  return /** @type {any} */ (await (await fetch(`${monitor.api}/status`)).json());
}

/** @param {Service} monitor */
async function engineOfRoom(monitor) {
  return (await status(monitor)).rooms.room;
}

test('MO20: a call of three goes on at another engine when its own is killed', async () => {
  const { monitor, engines } = await fleet();
  const a = await stage.join(monitor.api, 'a');
  const b = await stage.join(monitor.api, 'b');
  const c = await stage.join(monitor.api, 'c');
  const people = [a, b, c];
  await a.hears('b', 'c');
  await b.hears('a', 'c');
  await c.hears('a', 'b');
  const first = await engineOfRoom(monitor);
  const victim = engines.find((engine) => engine.api === first);
  assert.ok(victim !== undefined, `the room is on ${first}`);
  const killed = Date.now();
  await victim.end('SIGKILL');
  await until('all start anew', 20_000, async () => {
    const histories = await Promise.all(people.map((person) => person.history()));
    return histories.every(({ starts }) => starts > 1);
  });
  assert.ok(Date.now() - killed < 10_000, 'clients notice at their next poll');
  assert.notEqual(await engineOfRoom(monitor), first);
  await a.untilSees(['b', 'c']);
  await a.hears('b', 'c');
  await b.hears('a', 'c');
  await c.hears('a', 'b');
  for (const person of people) await person.vanish();
});

test('MO21: a monitor restarts without disturbing a call, and a drained engine keeps its own', async () => {
  const { monitor } = await fleet();
  const [a, b] = [await stage.join(monitor.api, 'a'), await stage.join(monitor.api, 'b')];
  await a.hears('b');
  const engine = await engineOfRoom(monitor);
  const listen = new URL(monitor.api).host;
  await monitor.end('SIGKILL');
  const next = await Service.monitor({ config: `[monitor]\nkey = "${KEY}"\n`, listen });
  const c = await stage.join(next.api, 'c');
  await a.untilSees(['b', 'c']);
  await c.hears('a', 'b');
  assert.equal(await engineOfRoom(next), engine);
  const drained = await fetch(`${next.api}/drain`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ engine, drain: true }),
  });
  assert.equal(drained.status, 200);
  await b.vanish();
  const again = await stage.join(next.api, 'b');
  await again.hears('a', 'c');
  assert.equal(await engineOfRoom(next), engine);
  assert.deepEqual(await a.history(), { starts: 1, errors: [] });
  for (const person of [a, c, again]) await person.vanish();
});

test('MO22: the page shows engines, rooms and load', async () => {
  const { monitor, engines } = await fleet();
  const a = await stage.join(monitor.api, 'a');
  const page = await stage.browser.newPage();
  await page.goto(monitor.api);
  await page.getByRole('cell', { name: 'room', exact: true }).waitFor({ timeout: 15_000 });
  for (const engine of engines) {
    assert.ok((await page.getByRole('cell', { name: engine.api, exact: true }).count()) > 0);
  }
  await until('there is a curve', 10_000, async () => {
    const points = await page.locator('polyline').first().getAttribute('points');
    return (points ?? '').split(' ').length > 2;
  });
  await page.close();
  await a.vanish();
});
