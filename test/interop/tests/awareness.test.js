// @ts-check
/** Presence: who is there, from joining to leaving. */
import assert from 'node:assert/strict';
import { suite } from '../lib/suite.js';
import { awareness, presence } from '../lib/raw.js';

/** An orderly leave shows at once: this long, in milliseconds, is "at once" on a busy machine. */
const AT_ONCE = 1_500;
/** The grace that a lost connection has to come back, with some room for a busy machine. */
const GRACE = 6_500;

suite('Awareness', (test) => {
  test('a user who joins is seen by the others, and sees them', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.awareness.setLocalState({ name: 'Alice' });
    bob.awareness.setLocalState({ name: 'Bob' });
    await bob.sees((states) => states.get(alice.id)?.['name'] === 'Alice', 'Alice');
    await alice.sees((states) => states.get(bob.id)?.['name'] === 'Bob', 'Bob');
  });

  test('a change of state reaches the others', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.awareness.setLocalState({ cursor: 1 });
    await bob.sees((states) => states.get(alice.id)?.['cursor'] === 1, 'cursor 1');
    for (let cursor = 2; cursor <= 50; cursor += 1) alice.awareness.setLocalStateField('cursor', cursor);
    await bob.sees((states) => states.get(alice.id)?.['cursor'] === 50, 'cursor 50');
  });

  test('a late joiner sees who is there', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.awareness.setLocalState({ name: 'Alice' });
    bob.awareness.setLocalState({ name: 'Bob' });
    await alice.sees((states) => states.get(bob.id)?.['name'] === 'Bob', 'Bob');

    const carol = await scene.joined();

    await carol.sees(
      (states) => states.get(alice.id)?.['name'] === 'Alice' && states.get(bob.id)?.['name'] === 'Bob',
      'Alice and Bob',
    );
  });

  test('a user who leaves in an orderly way is gone at once', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.awareness.setLocalState({ name: 'Alice' });
    await bob.sees((states) => states.has(alice.id), 'Alice');
    alice.destroy();
    await bob.sees((states) => !states.has(alice.id), 'Alice gone', AT_ONCE);
  });

  test('a user whose connection breaks is gone after the grace', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.awareness.setLocalState({ name: 'Alice' });
    await bob.sees((states) => states.has(alice.id), 'Alice');
    alice.provider.shouldConnect = false;
    alice.socket.terminate();
    await bob.sees((states) => !states.has(alice.id), 'Alice gone', GRACE);
  });

  test('a user who came back and then breaks off for good is gone after the grace', { needs: ['presence'] }, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.awareness.setLocalState({ name: 'Alice' });
    await bob.sees((states) => states.get(alice.id)?.['name'] === 'Alice', 'Alice');
    alice.socket.terminate();
    await alice.closed();
    await alice.synced();
    alice.provider.shouldConnect = false;
    alice.socket.terminate();
    await bob.sees((states) => !states.has(alice.id), 'Alice gone', GRACE);
  });

  test('a user stays as long as the connection, though others repeat its state and leave', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    const carol = await scene.joined();
    alice.awareness.setLocalState({ name: 'Alice' });
    await bob.sees((states) => states.has(alice.id), 'Alice');
    await carol.sees((states) => states.has(alice.id), 'Alice');
    // A provider passes on what it hears: the server has Alice's state from Carol, too.
    carol.destroy();
    bob.awareness.setLocalState({ name: 'Bob' });
    await alice.sees((states) => states.has(bob.id) && !states.has(carol.id), 'Bob and not Carol');
    const dave = await scene.joined();
    await dave.sees((states) => states.get(alice.id)?.['name'] === 'Alice', 'Alice');
  });

  test('a connection takes with it all the users that it announced', {}, async (scene) => {
    const bob = await scene.joined();
    const tabs = await scene.rawSettled();
    tabs.send(awareness([{ id: 71, clock: 1, state: { tab: 1 } }, { id: 72, clock: 1, state: { tab: 2 } }]));
    await bob.sees((states) => states.has(71) && states.has(72), 'both tabs');
    tabs.terminate();
    await bob.sees((states) => !states.has(71) && !states.has(72), 'both tabs gone', GRACE);
  });

  test('nobody is there who is not', {}, async (scene) => {
    const alice = await scene.joined();
    const bob = await scene.joined();
    alice.awareness.setLocalState({ name: 'Alice' });
    bob.awareness.setLocalState({ name: 'Bob' });
    await bob.sees((states) => states.has(alice.id), 'Alice');
    await alice.sees((states) => states.has(bob.id), 'Bob');

    const carol = await scene.joined();
    carol.awareness.setLocalState({ name: 'Carol' });
    await carol.sees((states) => states.size >= 3, 'three users');
    await bob.sees((states) => states.has(carol.id), 'Carol');

    const ids = [alice.id, bob.id, carol.id].toSorted();
    assert.deepEqual([...bob.awareness.getStates().keys()].toSorted(), ids);
    assert.deepEqual([...carol.awareness.getStates().keys()].toSorted(), ids);
  });

  test('an asker for awareness is told who is there', { needs: ['queryAwareness'] }, async (scene) => {
    const alice = await scene.joined();
    alice.awareness.setLocalState({ name: 'Alice' });
    const raw = await scene.rawSettled();
    await raw.settle();

    raw.send(Uint8Array.of(3));

    const states = presence(await raw.nextOf('awareness'));
    assert.deepEqual(states.get(alice.id)?.state, { name: 'Alice' });
  });

  test('a user gets its own renewal back, which keeps a lone connection alive', {}, async (scene) => {
    const raw = await scene.rawSettled();
    raw.send(awareness([{ id: 5, clock: 7, state: { name: 'Lone' } }]));
    const states = presence(await raw.nextOf('awareness'));
    assert.deepEqual([...states], [[5, { clock: 7, state: { name: 'Lone' } }]]);
  });

  test('an older state does not replace a newer one', {}, async (scene) => {
    const raw = await scene.rawSettled();
    const bob = await scene.joined();
    raw.send(awareness([{ id: 5, clock: 7, state: { at: 'new' } }]));
    await bob.sees((states) => states.get(5)?.['at'] === 'new', 'the new state');
    raw.send(awareness([{ id: 5, clock: 6, state: { at: 'old' } }]));
    raw.send(awareness([{ id: 6, clock: 1, state: { at: 'after' } }]));
    await bob.sees((states) => states.has(6), 'what came after it');
    assert.deepEqual(bob.awareness.getStates().get(5), { at: 'new' });
    const carol = await scene.joined();
    await carol.sees((states) => states.get(5)?.['at'] === 'new', 'the new state');
  });
});
