// @ts-check
/** Clients that are gone without a word. It takes the gateway two pings to know: most of a minute. */
import assert from 'node:assert/strict';
import { exchange } from '../../interop/lib/http.js';
import { suite } from '../../interop/lib/suite.js';
import { Proxy } from '../lib/proxy.js';
import { becomes, linked } from '../lib/ready.js';

suite(
  'Half-open connections',
  (test) => {
    test('FA9: a client that is gone without a word is noticed by the others, and holds nothing', { within: 90_000 }, async (scene) => {
      const server = await scene.ownServer();
      await linked(server);
      const proxy = new Proxy();
      scene.cleanups.push(() => proxy.close());
      await proxy.listen();
      proxy.target = server.port;
      const stays = await scene.joined();
      const goes = await scene.joined({ url: `ws://127.0.0.1:${proxy.port}` });
      goes.awareness.setLocalState({ name: 'about to go' });
      await stays.sees((states) => states.has(goes.id), 'who is about to go');
      goes.provider.shouldConnect = false;
      proxy.fallsSilent();
      const gone = stays.sees((states) => !states.has(goes.id), 'who is gone', 60_000);
      stays.text.insert(0, 'goes on');
      await gone;
      const connections = async () => (await exchange(`${server.http}/health`)).json.connections;
      await becomes(async () => (await connections()) === 1, 'one connection', 30_000);
      assert.equal(stays.provider.wsconnected, true);
    });
  },
  { once: true },
);
