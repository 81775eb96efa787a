/** A call between two that can't reach each other directly. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { ANSWER_AND_PLAY, hasChromium, launch, Participant } from './lib/browser.js';
import { KrakenServer } from './lib/kraken.js';
import { example } from './lib/readme.js';
import { Site } from './lib/site.js';
import { hasTurn, TurnServer } from './lib/turn.js';

if (!hasTurn) process.stderr.write('Relayed calls are skipped: there is no turnserver (coturn).\n');

/** Stands for networks that let nobody in. */
const ONLY_RELAYED = `
  const Direct = RTCPeerConnection;
  window.RTCPeerConnection = class extends Direct {
    constructor(config) {
      super({ ...config, iceTransportPolicy: 'relay' });
    }
  };
`;
const CONNECT = `
  await client.connect();
  Object.assign(window, { client });
`;

describe.skipIf(!hasChromium || !hasTurn)('behind a TURN server', () => {
  let server: KrakenServer;
  let site: Site;
  let browser: Browser;
  let turn: TurnServer;

  beforeAll(async () => {
    [server, site, browser, turn] = await Promise.all([
      KrakenServer.create(),
      Site.open(),
      launch(),
      TurnServer.start('user', 'pass'),
    ]);
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([server.dispose(), site.close(), turn.dispose()]);
  });

  test('the README example makes a call that is relayed', async () => {
    const code = (await example('turn', server)).replace('turn:turn.example.com:3478', turn.url);
    const url = await site.add('/relayed', ONLY_RELAYED + code + ANSWER_AND_PLAY + CONNECT);
    const callee = await Participant.join(browser, url);
    const caller = await Participant.join(browser, url);
    await caller.page.waitForFunction(() => window.client.peers.length === 1);
    await caller.page.evaluate(() => window.client.call(window.client.peers[0]?.peerId ?? ''));
    await Promise.all([caller.receivesMedia(), callee.receivesMedia()]);
    expect(await caller.page.evaluate(localCandidatesInUse)).toEqual(['relay']);
    expect([...caller.errors, ...callee.errors]).toEqual([]);
  });
});

/** Runs in the page. */
async function localCandidatesInUse(): Promise<unknown[]> {
  const reports = await Promise.all(window.connections.map((one) => one.getStats()));
  const stats = reports.flatMap((report) => [...report.values()] as Record<string, unknown>[]);
  const find = (id: unknown) => stats.find((one) => one['id'] === id);
  return stats
    .filter(({ type }) => type === 'transport')
    .map(({ selectedCandidatePairId }) => find(selectedCandidatePairId))
    .map((pair) => find(pair?.['localCandidateId'])?.['candidateType']);
}
