// @ts-check
/** What only time brings about: a ticket that nobody used, a client that floods for a minute. */
import assert from 'node:assert/strict';
import { QUERY_AWARENESS } from '../lib/raw.js';
import { suite } from '../lib/suite.js';
import { timePasses } from '../lib/wait.js';

suite(
  'Apps over time',
  (test) => {
    test('TI3: a ticket is good for 30 seconds', { needs: ['apps'], within: 60_000 }, async (scene) => {
      const owner = await scene.owner();
      const { ticket } = await owner.expect(201, 'POST', '/api/tickets', { room: scene.room });
      await timePasses(31_000, 'the life of a ticket');
      const late = scene.raw({ url: scene.server.directWs, path: `/t/${ticket}/doc`, token: '' });
      await late.open();
      assert.equal((await late.next()).kind, 'denied');
    });

    test('LI11: a client that is over its budget for a whole minute is closed with 4502', { needs: ['apps'], within: 120_000 }, async (scene) => {
      const app = await scene.app({ limits: { messages_per_second: 1 } });
      const mate = await scene.rawSettled({ origin: app.origin });
      const flooding = await scene.rawSettled({ origin: app.origin });
      for (let message = 0; message < 5_000; message += 1) flooding.send(QUERY_AWARENESS);
      assert.equal((await flooding.closed(90_000)).code, 4502);
      await mate.settle();
    });
  },
  { concurrency: true, once: true },
);
