import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { CHROMIUM, hasChromium, launch, Participant } from './lib/browser.js';
import { KrakenServer, MASTER_TOKEN } from './lib/kraken.js';
import { example } from './lib/readme.js';
import { Site } from './lib/site.js';
import { WAYS } from './lib/ways.js';

const SETUP = `
  const videoEl = document.createElement('video');
  videoEl.autoplay = true;
  document.body.append(videoEl);
`;
const EXPOSE = `
  Object.assign(window, { client });
`;
const UNTIL_SOMEBODY_IS_THERE = `
  while (client.peers.length === 0) await new Promise((resolve) => client.on(resolve));
`;
const MOUNT = `
  import { StrictMode } from 'react';
  import { createRoot } from 'react-dom/client';
  createRoot(document.querySelector('main')).render(<StrictMode><VideoRoom /></StrictMode>);
`;

if (!hasChromium)
  process.stderr.write(`All calls are skipped: there is no Chromium at ${CHROMIUM}.\n`);

describe.skipIf(!hasChromium).for(WAYS)('in Chromium, $name', (way) => {
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
    participants.length = 0;
  });

  async function join(url: string): Promise<Participant> {
    const participant = await Participant.join(browser, url);
    participants.push(participant);
    return participant;
  }

  function expectNoPageErrors(): void {
    expect(participants.flatMap(({ errors }) => errors)).toEqual([]);
  }

  /** Two pages that run the README's plain example; the first has called the second. */
  async function vanillaCall(): Promise<[Participant, Participant]> {
    const code = SETUP + (await example('vanilla', server, way)) + EXPOSE;
    const call = (await example('vanilla call', server, way)).replace(
      "'peer-id'",
      'client.peers[0].peerId',
    );
    const callee = await join(await site.add('/callee', code));
    await callee.page.waitForFunction(() => 'client' in window);
    const caller = await join(await site.add('/caller', code + call));
    await Promise.all([caller.receivesMedia(), callee.receivesMedia()]);
    return [caller, callee];
  }

  test('the plain example makes a video call', async () => {
    const [caller] = await vanillaCall();
    await caller.page.waitForFunction(() => {
      const video = document.querySelector('video');
      return video !== null && video.videoWidth > 0;
    });
    expectNoPageErrors();
  });

  test('the React example makes a video call, in strict mode', async () => {
    const code = (await example('react', server, way)) + MOUNT;
    const url = await site.add('/react', code);
    const [caller, callee] = [await join(url), await join(url)];
    await caller.page.getByRole('button', { name: 'Call Alice' }).click();
    await Promise.all([caller.receivesMedia(), callee.receivesMedia()]);
    expect(await callee.page.locator('video').count()).toBe(2);

    await callee.page.getByRole('button', { name: 'Hang up' }).click();
    await caller.page.locator('video').nth(1).waitFor({ state: 'detached' });
    expectNoPageErrors();
  });

  test('a page that only calls reaches one that answers by itself', async () => {
    const room = "room: 'my-room'";
    const react = (await example('react', server, way)).replace("room: 'video-room'", room) + MOUNT;
    const answers = /\n.*event\.accept\(.*\n/;
    const plain = (await example('vanilla', server, way)).replace(answers, '\n');
    expect(plain).not.toContain('accept');
    const call = (await example('vanilla call', server, way)).replace(
      "'peer-id'",
      'client.peers[0].peerId',
    );
    const callee = await join(await site.add('/answers', react));
    const code = SETUP + plain + EXPOSE + UNTIL_SOMEBODY_IS_THERE + call;
    const caller = await join(await site.add('/calls', code));
    await Promise.all([caller.receivesMedia(), callee.receivesMedia()]);
    expectNoPageErrors();
  });

  test('a wrong token is told at once, and not tried again', async () => {
    const code = (await example('vanilla', server, way)).replace(MASTER_TOKEN, 'wrong');
    const attempt = code.replace(
      'await client.connect()',
      'window.refusal = await client.connect().catch(({ code, closeCode }) => ({ code, closeCode }))',
    );
    const { page } = await join(await site.add('/refused', attempt + EXPOSE));
    await page.waitForFunction(() => 'client' in window);
    expect(await page.evaluate(() => window.refusal)).toEqual({ code: 'refused', closeCode: 4401 });
    expect(await page.evaluate(() => window.client.status)).toBe('closed');
  });

  test('both call at once and get one call', async () => {
    const code = SETUP + (await example('vanilla', server, way)) + EXPOSE;
    const url = await site.add('/glare', code);
    const both = [await join(url), await join(url)];
    for (const { page } of both) {
      await page.waitForFunction(() => 'client' in window && window.client.peers.length === 1);
    }
    await Promise.all(
      both.map(({ page }) =>
        page.evaluate(() => window.client.call(window.client.peers[0]?.peerId ?? '')),
      ),
    );
    await Promise.all(both.map((one) => one.receivesMedia()));
    expectNoPageErrors();
  });

  test('in a call, peers send messages and share a screen', async () => {
    const [caller, callee] = await vanillaCall();
    await callee.page.evaluate(() => {
      window.message = new Promise((resolve) => {
        window.client.on((event) => {
          if (event.type === 'message') resolve(event.data);
        });
      });
    });
    await caller.page.evaluate(() => {
      window.client.send(window.client.peers[0]?.peerId ?? '', 'hello');
    });
    expect(await callee.page.evaluate(() => window.message)).toBe('hello');

    await caller.page.evaluate(() => window.client.shareScreen());
    await callee.receivesMedia();
    await caller.page.evaluate(() => window.client.stopSharing());
    await callee.receivesMedia();
    expectNoPageErrors();
  });

  test('a call survives a restart of the server', async () => {
    const [caller, callee] = await vanillaCall();
    await server.restart();
    for (const { page } of [caller, callee]) {
      await page.waitForFunction(
        () => window.client.status === 'connected' && window.client.peers.length === 1,
      );
    }
    await Promise.all([caller.receivesMedia(), callee.receivesMedia()]);
    expect(await caller.page.evaluate(() => window.connections.length)).toBe(1);
    expectNoPageErrors();
  });

  test('a page that is reloaded in a call can be called again', async () => {
    const [caller, callee] = await vanillaCall();
    const before = await caller.page.evaluate(() => window.client.peers[0]?.peerId);
    await callee.page.reload();
    await caller.page.waitForFunction(
      (earlier) =>
        window.client.remoteStreams.size === 0 &&
        window.client.peers.length === 1 &&
        window.client.peers[0]?.peerId !== earlier,
      before,
    );
    await caller.page.evaluate(() => window.client.call(window.client.peers[0]?.peerId ?? ''));
    await Promise.all([caller.receivesMedia(), callee.receivesMedia()]);
    expectNoPageErrors();
  });

  test('in a call, devices are changed without another offer', async () => {
    const [caller, callee] = await vanillaCall();
    const descriptions = () =>
      caller.page.evaluate(() =>
        window.connections.map(({ localDescription }) => localDescription?.sdp),
      );
    const before = await descriptions();
    const { chosen, used, sent } = await caller.page.evaluate(async () => {
      const tracks = () => window.client.localStream?.getTracks() ?? [];
      const old = tracks().map(({ id }) => id);
      const idOf = (kind: string) =>
        tracks()
          .find((track) => track.kind === kind)
          ?.getSettings().deviceId;
      const devices = await window.client.listDevices();
      const audioInput = devices.find(
        ({ kind, deviceId }) => kind === 'audioinput' && deviceId !== idOf('audio'),
      )?.deviceId;
      // A second camera of Chromium's fakes gives WebRTC no pictures; so it is the same one anew.
      const chosen = { audioInput: audioInput ?? '', videoInput: idOf('video') ?? '' };
      await window.client.setDevices(chosen);
      const sent = window.connections.flatMap((one) =>
        one.getSenders().map(({ track }) => track?.id ?? ''),
      );
      return {
        chosen,
        used: { audioInput: idOf('audio'), videoInput: idOf('video') },
        sent: sent.filter((id) => old.includes(id)),
      };
    });
    expect(used).toEqual(chosen);
    expect(sent).toEqual([]);
    await callee.receivesMedia();
    expect(await descriptions()).toEqual(before);
    expectNoPageErrors();
  });

  test.for([
    ['is left', (callee: Participant) => callee.page.goto('about:blank')],
    ['crashes', (callee: Participant) => callee.crash()],
  ] as const)('a page that %s ends its call', async ([, end]) => {
    const [caller, callee] = await vanillaCall();
    await end(callee);
    await caller.page.waitForFunction(() => window.client.remoteStreams.size === 0);
    expect(await caller.page.evaluate(() => window.client.localStream)).toBeNull();
  });
});
