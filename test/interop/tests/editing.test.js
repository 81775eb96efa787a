// @ts-check
/** Two and more unmodified providers in one document. */
import assert from 'node:assert/strict';
import { suite } from '../lib/suite.js';

suite('Editing', (test) => {
  test('two clients edit one document both ways', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();

    alice.text.insert(0, 'from Alice');
    await bob.hasText('from Alice');
    bob.text.insert(0, 'from Bob, ');
    await alice.hasText('from Bob, from Alice');
    alice.text.delete(0, 'from Bob, '.length);
    await bob.hasText('from Alice');
  });

  test('edits of both at the same time converge', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();

    for (let i = 0; i < 100; i += 1) {
      alice.text.insert(0, 'a');
      bob.text.insert(bob.text.length, 'b');
    }
    for (const client of [alice, bob]) {
      await client.has(
        () => client.text.length === 200,
        () => `200 characters, have ${client.text.length}`,
      );
    }
    assert.equal(alice.text.toString(), bob.text.toString());
  });

  test('a late joiner gets everything, deletions included', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.map.set('gone', 1);
    alice.map.set('kept', { nested: [1, 2, 3] });
    alice.text.insert(0, 'keep this, drop that, keep the rest');
    const original = alice.text.toString();
    await bob.hasText(original);
    bob.map.delete('gone');
    bob.text.delete(original.indexOf('drop'), 'drop that, '.length);
    await alice.hasText('keep this, keep the rest');

    const carol = await scene.joined();

    assert.equal(carol.text.toString(), 'keep this, keep the rest');
    assert.deepEqual(carol.map.toJSON(), { kept: { nested: [1, 2, 3] } });
  });

  test('a deletion alone reaches a client that was away, though its state vector is equal', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.text.insert(0, 'text');
    await bob.hasText('text');
    bob.provider.disconnect();

    alice.text.delete(0, 2);
    const carol = await scene.joined();
    await carol.hasText('xt');
    bob.provider.connect();

    await bob.hasText('xt');
  });

  test('text beyond ASCII and long values arrive unchanged', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    const text = 'Grüße 😀 日本語 \u0000 end';
    alice.text.insert(0, text);
    alice.map.set('long', 'x'.repeat(100_000));
    await bob.has(
      () => bob.map.has('long'),
      () => 'the long value',
    );
    assert.equal(bob.text.toString(), text);
    assert.equal(String(bob.map.get('long')).length, 100_000);
  });
});
