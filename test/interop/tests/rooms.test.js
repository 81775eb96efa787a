// @ts-check
/** How a URL names a room. */
import assert from 'node:assert/strict';
import { suite } from '../lib/suite.js';

suite('Rooms', (test) => {
  test('the server URL without a path and with /doc lead to the same room', { needs: ['rooms'] }, async (scene) => {
    const alice = await scene.joined({ path: '' });
    const bob = await scene.joined({ path: '/doc' });
    const carol = await scene.joined({ path: '/doc/' });
    alice.text.insert(0, 'one room');
    await bob.hasText('one room');
    await carol.hasText('one room');
  });

  const names = ['a/b/c', 'with space', 'grüße-äöü-日本', '100%25', 'dots.and-dashes_~', 'a//b', 'q&a=1+1', ':colon;semi,comma'];
  for (const name of names) {
    test(`a room may be called ${name}`, { needs: ['rooms'] }, async (scene) => {
      const room = `${scene.room}/${name}`;
      const alice = await scene.joined({ room });
      const bob = await scene.joined({ room, path: '' });
      alice.text.insert(0, name);
      await bob.hasText(name);
      const carol = await scene.joined({ room });
      assert.equal(carol.text.toString(), name);
    });
  }

  test('a name and its percent-encoded form are the same room', { needs: ['rooms'] }, async (scene) => {
    const alice = await scene.joined({ room: `${scene.room}/grüße an alle` });
    const bob = await scene.joined({ room: `${scene.room}/gr%C3%BC%C3%9Fe%20an%20alle` });
    alice.text.insert(0, 'same');
    await bob.hasText('same');
  });

  test('different rooms never mix, however alike their names are', { needs: ['rooms'] }, async (scene) => {
    const alike = ['x', 'X', 'x/', 'x/y', 'x%2Fz', 'x y', 'x+y', 'x%2520y', "x'y", 'x"y', 'x;y', 'eA==', 'x_y', 'x-y', 'x.y'];
    const writers = await Promise.all(
      alike.map(async (name) => {
        const client = await scene.joined({ room: `${scene.room}/${name}` });
        client.text.insert(0, `[${name}]`);
        return client;
      }),
    );
    const readers = await Promise.all(
      alike.map(async (name) => {
        const client = await scene.joined({ room: `${scene.room}/${name}` });
        await client.hasText(`[${name}]`);
        return client;
      }),
    );
    for (const [index, name] of alike.entries()) {
      assert.equal(writers[index]?.text.toString(), `[${name}]`);
      assert.equal(readers[index]?.text.toString(), `[${name}]`);
    }
  });
});
