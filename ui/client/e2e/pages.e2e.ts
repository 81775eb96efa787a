/** The README's documents, in pages. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { ANSWER_AND_PLAY, CHROMIUM, hasChromium, launch, Participant } from './lib/browser.js';
import { KrakenServer, MASTER_TOKEN } from './lib/kraken.js';
import { example } from './lib/readme.js';
import { Site } from './lib/site.js';
import { WAYS } from './lib/ways.js';

const EXPOSE = `
  Object.assign(window, { provider });
`;
const EXPOSE_BOTH = `
  Object.assign(window, { client, provider });
`;
const MOUNT = `
  import { StrictMode } from 'react';
  import { createRoot } from 'react-dom/client';
  createRoot(document.querySelector('main')).render(<StrictMode><Editor /></StrictMode>);
`;

if (!hasChromium)
  process.stderr.write(`All pages are skipped: there is no Chromium at ${CHROMIUM}.\n`);

describe.skipIf(!hasChromium)('in Chromium', () => {
  let server: KrakenServer;
  let site: Site;
  let browser: Browser;
  const participants: Participant[] = [];

  beforeAll(async () => {
    [server, site] = await Promise.all([KrakenServer.create(), Site.open()]);
  });
  afterAll(async () => {
    await Promise.all([server.dispose(), site.close()]);
  });
  beforeEach(async () => {
    browser = await launch();
  });
  afterEach(async () => {
    await browser.close();
    const errors = participants.splice(0).flatMap((one) => one.errors);
    expect(errors).toEqual([]);
  });

  async function join(url: string): Promise<Page> {
    const participant = await Participant.join(browser, url);
    participants.push(participant);
    return participant.page;
  }

  const isSynced = (page: Page) => page.waitForFunction(() => window.provider.synced);
  const writes = (page: Page, text: string) =>
    page.evaluate((words) => {
      window.provider.doc.getText('content').insert(0, words);
    }, text);
  const reads = (page: Page, text: string) =>
    page.waitForFunction(
      (words) => window.provider.doc.getText('content').toJSON().includes(words),
      text,
    );

  describe.for(WAYS)('$name', (way) => {
    test('the example is one document in two pages, with presence', async () => {
      const url = await site.add('/document', (await example('document', server, way)) + EXPOSE);
      const [one, other] = [await join(url), await join(url)];
      await Promise.all([isSynced(one), isSynced(other)]);
      await writes(one, 'Hello from one.');
      await reads(other, 'Hello from one.');
      await other.waitForFunction(
        () =>
          [...window.provider.awareness.getStates().values()].filter((state) => 'user' in state)
            .length === 2,
      );
    });

    test('the React example shows the others and what they write', async () => {
      const code = (await example('react document', server, way)) + MOUNT;
      const url = await site.add('/react-document', code);
      const [one, other] = [await join(url), await join(url)];
      await one.getByText('connected, sent, with 1 others').waitFor();
      await one.getByRole('button', { name: 'Say hello' }).click();
      await other.waitForFunction(() =>
        document.querySelector('textarea')?.value.includes('Hello.'),
      );
      await other.close();
      await one.getByText('with 0 others').waitFor();
    });

    test('one socket carries a document and a call', async () => {
      const code = (await example('both', server, way)) + ANSWER_AND_PLAY + EXPOSE_BOTH;
      const url = await site.add('/both', code);
      const [caller, callee] = [
        await Participant.join(browser, url),
        await Participant.join(browser, url),
      ];
      participants.push(caller, callee);
      await caller.page.waitForFunction(() => window.client.peers.length === 1);
      await caller.page.evaluate(() => window.client.call(window.client.peers[0]?.peerId ?? ''));
      await Promise.all([caller.receivesMedia(), callee.receivesMedia()]);
      await writes(caller.page, 'in a call');
      await reads(callee.page, 'in a call');
    });
  });

  test('a reload without a server keeps the document, and what is written then comes along', async () => {
    const room = (await example('document', server)).replace('my-document', 'offline');
    const url = await site.add('/offline', room + EXPOSE);
    const page = await join(url);
    await isSynced(page);
    await writes(page, 'before, ');
    await server.stop();
    await page.reload();
    await reads(page, 'before, ');
    await writes(page, 'meanwhile, ');
    expect(await page.evaluate(() => window.provider.saved)).toBe('unsent');
    await server.start();
    const other = await join(url);
    await reads(other, 'meanwhile, before, ');
    await page.waitForFunction(() => window.provider.saved === 'sent');
  });

  test('a page gets its token where the example says', async () => {
    site.answer('/kraken-token', MASTER_TOKEN);
    const code = (await example('token', server)) + 'window.client = client; client.connect();';
    const page = await join(await site.add('/token', code));
    await page.waitForFunction(() => window.client.status === 'connected');
  });

  test("a page of the node needs its owner's login, and no token", async () => {
    const code = await site.bundle((await example('direct', server)) + EXPOSE);
    const page = await join(`${server.url.replace('ws', 'http')}/login`);
    const run = () => page.addScriptTag({ content: code, type: 'module' });
    await run();
    await page.waitForFunction(() => window.provider.status.state === 'refused');
    expect(await page.evaluate(() => window.provider.status)).toMatchObject({
      code: 4401,
      reason: 'log in to the node first',
    });

    const secret = await server.ownersSecret();
    await page.evaluate(
      (password) =>
        fetch('/login', {
          method: 'POST',
          body: JSON.stringify({ password_hash: password, subdomain: '' }),
        }).then(() => {
          window.provider.connect();
        }),
      secret,
    );
    await isSynced(page);
  });
});
