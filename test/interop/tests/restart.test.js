// @ts-check
/** Stops, crashes and what is there afterwards. Each test has a server of its own. */
import assert from 'node:assert/strict';
import * as Y from 'yjs';
import { converged } from '../lib/client.js';
import { Typist } from '../lib/edits.js';
import { update } from '../lib/raw.js';
import { suite } from '../lib/suite.js';
import { timePasses } from '../lib/wait.js';

const WITHIN = 120_000;
/** Going away in an orderly way: this long at most, in milliseconds. */
const STOP_WITHIN = 5_000;
/** Clients come back by themselves within their back-off, which grows to 2.5 s. */
const BACK_WITHIN = 30_000;

suite('Restart', (test, mode) => {
  test('SIGTERM closes every client with 1012 and ends with 0 in seconds', { needs: ['closeCodes'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer();
    const alice = await scene.joined();
    const raw = await scene.rawSettled();
    const elsewhere = await scene.rawSettled({ room: `${scene.room}-other` });
    alice.text.insert(0, 'written just before the end');
    const aliceClosed = alice.closed();

    const { exits, milliseconds } = await server.stop();

    assert.equal((await aliceClosed)?.code, 1012);
    assert.equal((await raw.closed()).code, 1012);
    assert.equal((await elsewhere.closed()).code, 1012);
    for (const exit of exits) assert.deepEqual(exit, { code: 0, signal: null });
    assert.ok(milliseconds < STOP_WITHIN, `took ${milliseconds} ms`);
  });

  test('what was written just before SIGTERM is there afterwards', { needs: ['storage'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer();
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.text.insert(0, 'written just before the end');
    await bob.hasText('written just before the end');
    alice.provider.shouldConnect = false;
    bob.provider.shouldConnect = false;
    await server.stop();
    await server.start();

    const carol = await scene.joined();

    assert.equal(carol.text.toString(), 'written just before the end');
  });

  test('open clients come back by themselves after a restart, with what they typed meanwhile', { needs: ['storage'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer();
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.text.insert(0, 'before|');
    await bob.hasText('before|');
    await server.stop();
    alice.text.insert(alice.text.length, 'Alice meanwhile|');
    bob.text.insert(0, 'Bob meanwhile|');
    await server.start();

    await alice.hasText('Bob meanwhile|before|Alice meanwhile|', BACK_WITHIN);
    await bob.hasText('Bob meanwhile|before|Alice meanwhile|', BACK_WITHIN);
  });

  test('several restarts in a row neither lose nor duplicate', { needs: ['storage'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer();
    let expected = '';
    for (let round = 0; round < 3; round += 1) {
      const alice = await scene.joined();
      assert.equal(alice.text.toString(), expected);
      const bob = await scene.joined();
      alice.text.insert(alice.text.length, `round ${round}|`);
      expected += `round ${round}|`;
      await bob.hasText(expected);
      alice.destroy();
      bob.destroy();
      await server.stop();
      await server.start();
    }
    const carol = await scene.joined();
    assert.equal(carol.text.toString(), expected);
  });

  test('relay-first: what is older than the flush interval survives kill -9 without any client', { needs: ['storage'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer();
    const alice = await scene.joined();
    const bob = await scene.joined();
    for (let word = 0; word < 500; word += 1) alice.text.insert(alice.text.length, `${word} `);
    const written = alice.text.toString();
    await bob.hasText(written);
    await timePasses(1_000, 'the promise is about edits older than 50 ms and an fsync');
    alice.provider.shouldConnect = false;
    bob.provider.shouldConnect = false;
    await server.kill();
    alice.destroy();
    bob.destroy();
    await server.start();

    const carol = await scene.joined();

    assert.equal(carol.text.toString(), written);
  });

  test('relay-first: open clients heal what kill -9 took', { needs: ['storage'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer();
    const alice = await scene.joined();
    const bob = await scene.joined();
    const typing = setInterval(() => {
      alice.text.insert(alice.text.length, 'a');
      bob.text.insert(0, 'b');
    }, 2);
    scene.cleanups.push(() => clearInterval(typing));
    await bob.has(
      () => bob.text.length > 100,
      () => `more than 100 characters, have ${bob.text.length}`,
    );
    await server.kill();
    await server.start();
    await alice.synced();
    await bob.synced();
    clearInterval(typing);

    await converged([alice, bob], BACK_WITHIN);
    const carol = await scene.joined();
    assert.equal(carol.text.toString(), alice.text.toString());
  });

  test('write-first: everything that was echoed survives kill -9 without any client', { needs: ['storage'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer({ durability: 'write-first' });
    const typist = new Typist();
    const writer = await scene.rawSettled();
    const saved = new Y.Doc();
    for (let word = 0; word < 400; word += 1) writer.send(update(typist.type(`${word} `)));
    while (saved.getText('text').length < typist.text.length / 2) {
      Y.applyUpdate(saved, await writer.nextOf('update'));
    }
    await server.kill();
    await writer.closed();
    for (const message of writer.inbox) if (message.kind === 'update') Y.applyUpdate(saved, message.body);
    await server.start();

    const carol = await scene.joined();

    const promised = saved.getText('text').toString();
    assert.ok(promised.length > 0);
    assert.equal(carol.text.toString().slice(0, promised.length), promised);
    assert.ok(typist.text.toString().startsWith(carol.text.toString()), 'and nothing else');
  });

  test('write-first: others see only what is stored', { needs: ['storage'], within: WITHIN }, async (scene) => {
    const server = await scene.ownServer({ durability: 'write-first' });
    const typist = new Typist();
    const writer = await scene.rawSettled();
    const reader = await scene.rawSettled();
    const seen = new Y.Doc();
    for (let word = 0; word < 200; word += 1) writer.send(update(typist.type(`${word} `)));
    while (seen.getText('text').length === 0) Y.applyUpdate(seen, await reader.nextOf('update'));
    await server.kill();
    await reader.closed();
    for (const message of reader.inbox) if (message.kind === 'update') Y.applyUpdate(seen, message.body);
    await server.start();

    const carol = await scene.joined();

    const promised = seen.getText('text').toString();
    assert.equal(carol.text.toString().slice(0, promised.length), promised);
  });

  if (mode.name.includes('sidecar')) {
    test('when the node alone restarts, clients are closed with 1012 and come back', { needs: ['storage'], within: WITHIN }, async (scene) => {
      const server = await scene.ownServer();
      const alice = await scene.joined();
      const bob = await scene.joined();
      alice.text.insert(0, 'before|');
      await bob.hasText('before|');
      const closed = alice.closed();

      await server.restartOnly(0);
      assert.equal((await closed)?.code, 1012);
      alice.text.insert(alice.text.length, 'after|');

      await bob.hasText('before|after|', BACK_WITHIN);
    });

    test('when the sidecar alone is killed and restarted, clients come back', { needs: ['storage'], within: WITHIN }, async (scene) => {
      const server = await scene.ownServer();
      const alice = await scene.joined();
      const bob = await scene.joined();
      alice.text.insert(0, 'before|');
      await bob.hasText('before|');

      await server.restartOnly(1);
      alice.text.insert(alice.text.length, 'after|');

      await bob.hasText('before|after|', BACK_WITHIN);
    });
  }
});
