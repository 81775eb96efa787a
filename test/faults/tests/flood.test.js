// @ts-check
/** Floods of connections, handshakes, requests and pings, quick ones and slow ones. */
import assert from 'node:assert/strict';
import { suite } from '../../interop/lib/suite.js';
import { timePasses } from '../../interop/lib/wait.js';
import { Bystanders } from '../lib/bystanders.js';
import { MIB } from '../lib/memory.js';
import { head, Tcp, UPGRADE } from '../lib/tcp.js';

/** @typedef {import('../../interop/lib/suite.js').Scene} Scene */

const WITHIN = 60_000;
/** The head of a request may take 10 s, the rest of it 15 s more; then the connection is closed. */
const LATE = 30_000;
/** What a flood may cost, in bytes. */
const LITTLE = 64 * MIB;

/** How many connect at a time: fewer than the system lets wait for the server. */
const AT_A_TIME = 50;

/**
 * @param {Scene} scene
 * @param {number} count
 */
async function connections(scene, count) {
  /** @type {Tcp[]} */
  const all = [];
  scene.cleanups.push(() => all.forEach((tcp) => tcp.destroy()));
  while (all.length < count) {
    const some = Array.from({ length: Math.min(AT_A_TIME, count - all.length) }, () => new Tcp(scene.server.port));
    all.push(...some);
    await Promise.all(some.map((tcp) => tcp.opened()));
  }
  return all;
}

/** @param {Tcp[]} all */
async function areClosed(all) {
  await Promise.all(all.map((tcp) => tcp.closed(LATE)));
}

suite(
  'Floods',
  (test) => {
    test('FA10: 2,000 handshakes at once without a token are all refused, and harm nobody', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      for (let wave = 0; wave < 4; wave += 1) {
        const all = await connections(scene, 500);
        for (const tcp of all) tcp.send(head('GET /doc/room', { ...UPGRADE, Origin: 'http://localhost:3000', Connection: 'Upgrade, close' }));
        await areClosed(all);
        // Beyond what may wait for the process there is no time for reasons.
        for (const { status } of all) assert.ok(status === 401 || status === 503, `answered with ${status}`);
      }
      await bystanders.areUnharmed(LITTLE, context);
    });

    test('FA10: 500 connections that say nothing, or a byte at a time, are closed in time', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      const silent = await connections(scene, 250);
      const slow = await connections(scene, 250);
      const bytes = head('GET /doc/room', { ...UPGRADE, 'X-Long': 'x'.repeat(1_000) });
      let at = 0;
      const timer = setInterval(() => {
        for (const tcp of slow) tcp.send(bytes.charAt(at));
        at += 1;
      }, 250);
      scene.cleanups.push(() => clearInterval(timer));
      await areClosed([...silent, ...slow]);
      await bystanders.areUnharmed(LITTLE, context);
    });

    test('FA10: connections that stay open after an answer are closed in time', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      const all = await connections(scene, 250);
      for (const tcp of all) tcp.send(head('GET /health', {}));
      await areClosed(all);
      for (const { status } of all) assert.equal(status, 200);
      await bystanders.areUnharmed(LITTLE, context);
    });

    test('FA10: a body that never comes is not waited for', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      // As many as find room: beyond that nobody gets as far as to be late.
      const all = await connections(scene, 50);
      const announced = { 'Content-Type': 'application/json', 'Content-Length': '1000000' };
      for (const tcp of all) tcp.send(head('POST /api/apps', announced));
      await areClosed(all);
      for (const { status } of all) assert.equal(status, 408);
      await bystanders.areUnharmed(LITTLE, context);
    });

    test('FA11: heads and bodies over their limits are refused before they are read', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`X-${index}`, 'x']));
      for (const [status, request] of /** @type {Array<[number, string]>} */ ([
        [431, head('GET /health', { 'X-Long': 'x'.repeat(100_000) })],
        [431, head('GET /health', many)],
        [414, head(`GET /${'x'.repeat(70_000)}`, {})],
        [413, head('POST /api/apps', { 'Content-Length': String(1024 * MIB) })],
        [413, `${head('POST /api/apps', { 'Transfer-Encoding': 'chunked' })}${`10000\r\n${'x'.repeat(0x10000)}\r\n`.repeat(20)}`],
      ])) {
        const all = await connections(scene, 50);
        for (const tcp of all) tcp.send(request);
        await areClosed(all);
        for (const tcp of all) assert.ok([status, 431].includes(tcp.status), `${tcp.status} for what should get ${status}`);
      }
      await bystanders.areUnharmed(LITTLE, context);
    });

    test('FA11: large bodies of strangers cost a bounded amount of memory', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      const all = await connections(scene, 400);
      const most = MIB - 1;
      const body = 'x'.repeat(most - 1);
      for (const tcp of all) {
        tcp.send(head('POST /api/apps', { 'Content-Length': String(most), Connection: 'close' }));
        tcp.send(body);
      }
      await timePasses(5_000, 'all that the server takes has come');
      await bystanders.areUnharmed(2 * LITTLE, context);
    });

    test('FA12: who sends pings without end, and reads no answer, harms nobody', { within: WITHIN }, async (scene, context) => {
      const bystanders = await Bystanders.of(scene);
      const flooders = await Promise.all(Array.from({ length: 5 }, () => scene.rawSettled()));
      const payload = Buffer.alloc(125, 'x');
      for (const { socket } of flooders) socket.pause();
      for (let round = 0; round < 200; round += 1) {
        for (const { socket } of flooders) for (let ping = 0; ping < 100; ping += 1) socket.ping(payload);
        await timePasses(10, 'the flood goes on');
      }
      await bystanders.areUnharmed(LITTLE, context);
      for (const flooder of flooders) {
        flooder.socket.resume();
        await flooder.settle(30_000);
      }
    });
  },
  { concurrency: 5, once: true },
);
