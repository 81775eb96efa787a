import { randomUUID } from 'node:crypto';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
} from 'vitest';
import type { Browser, Page } from 'playwright-core';
import type { GroupCall } from '../src/group/index.js';
import { hasChromium, launch, Participant } from './lib/browser.js';
import { KrakenServer, MASTER_TOKEN } from './lib/kraken.js';
import { example } from './lib/readme.js';
import { Site } from './lib/site.js';
import { ThrottledWay } from './lib/throttle.js';
import { Voice } from './lib/voice.js';
import { WAYS } from './lib/ways.js';

const EXPOSE = `
  Object.assign(window, { call });
`;
const MOUNT = `
  import { StrictMode } from 'react';
  import { createRoot } from 'react-dom/client';
  createRoot(document.querySelector('main')).render(<StrictMode><Call /></StrictMode>);
`;
const UNTIL_THERE_IS_A_CAMERA = `
  const camera = () =>
    call.state.peers.flatMap((peer) => peer.tracks).find(({ source }) => source === 'camera');
  while (!camera()) await new Promise((resolve) => call.on(resolve));
  const track = camera();
`;
const PUBLISH = /\nawait call\.publish\(.*/g;

/** For browsers to find out what a way has room for. */
const PATIENCE = { timeout: 25_000 };

const RETRY = { retry: 2 };

declare global {
  interface Window {
    call: GroupCall;
    received: string[];
  }
}

describe.skipIf(!hasChromium)('a group call in Chromium', () => {
  let server: KrakenServer;
  let site: Site;
  let browser: Browser;
  const participants: Participant[] = [];
  /** Another one for each test: whose browser is just closed stays in a call for a while. */
  let room: string;

  let speaker: Voice;

  beforeAll(async () => {
    [server, site, speaker] = await Promise.all([
      KrakenServer.create(),
      Site.open(),
      Voice.create(),
    ]);
  });
  afterAll(async () => {
    await Promise.all([server.dispose(), site.close(), speaker.dispose()]);
  });
  beforeEach(async () => {
    browser = await launch(speaker.file);
    room = randomUUID();
  });
  afterEach(async () => {
    await browser.close();
    expect(participants.splice(0).flatMap(({ errors }) => errors)).toEqual([]);
  });

  /** An example of the README, in this test's room. */
  async function exampleHere(name: string, way = WAYS[0]): Promise<string> {
    return (await example(name, server, way)).replace("'my-room'", `'${room}'`);
  }

  /** A page that runs the plain example, perhaps changed. */
  async function join(path: string, change = (code: string) => code, way = WAYS[0]): Promise<Page> {
    const code = change(await exampleHere('group', way)) + EXPOSE;
    const participant = await Participant.join(browser, await site.add(path, code));
    participants.push(participant);
    await participant.page.waitForFunction(() => 'call' in window);
    return participant.page;
  }

  /** Pages that all send and receive. */
  async function people(count: number, way = WAYS[0]): Promise<Page[]> {
    const pages: Page[] = [];
    for (let person = 0; person < count; person += 1) {
      pages.push(await join(`/group-${way?.via ?? ''}`, undefined, way));
    }
    return pages;
  }

  async function allReceive(): Promise<void> {
    await Promise.all(participants.map((one) => one.receivesMedia()));
  }

  test.for(WAYS)('UI4: three see and hear each other, $name', async (way) => {
    const [ann, bob, eve] = (await people(3, way)) as [Page, Page, Page];
    for (const page of [ann, bob, eve]) {
      await page.waitForFunction(() => {
        const { peers } = window.call.state;
        return peers.length === 2 && peers.every(({ tracks }) => tracks.length === 2);
      });
      await page.waitForFunction(() => {
        const videos = [...document.querySelectorAll('video')];
        return videos.length === 2 && videos.every(({ videoWidth }) => videoWidth > 0);
      });
    }
    await allReceive();
    const rids = await ann.evaluate(() =>
      window.connections[0]
        ?.getSenders()
        .flatMap((sender) => sender.getParameters().encodings.map(({ rid }) => rid ?? '')),
    );
    expect(rids).toEqual(expect.arrayContaining(['q', 'h']));

    const annsId = await ann.evaluate(() => window.call.peerId);
    await bob.waitForFunction((peerId) => window.call.state.speaking.includes(peerId), annsId);
    await ann.evaluate(() => {
      window.call.mute('microphone');
    });
    await bob.waitForFunction((peerId) => !window.call.state.speaking.includes(peerId), annsId);
    await bob.waitForFunction(() =>
      window.call.state.peers.some(({ tracks }) => tracks.some(({ muted }) => muted)),
    );
    await eve.close();
    await bob.waitForFunction(() => document.querySelectorAll('video').length === 1);
  });

  test('UI4: the React example works in strict mode', async () => {
    const url = await site.add('/group-react', (await exampleHere('group react')) + MOUNT);
    for (let person = 0; person < 2; person += 1) {
      participants.push(await Participant.join(browser, url));
    }
    await allReceive();
    for (const { page } of participants) {
      expect(await page.getByRole('status').textContent()).toBe('joined');
      expect(await page.locator('video').count()).toBe(2);
    }
  });

  test('UI4: on the socket of a client as well, a picture comes as small as it is shown', async () => {
    await people(1);
    const shared = (await exampleHere('group shared')) + EXPOSE + UNTIL_THERE_IS_A_CAMERA;
    const code = shared + (await example('group receive', server));
    const receiver = await Participant.join(browser, await site.add('/shared', code));
    participants.push(receiver);
    await receiver.page.waitForFunction(() => 'call' in window);
    await expect.poll(() => receiver.page.evaluate(layers), PATIENCE).toEqual(['q']);
  });

  test('UI4: what members send reaches all, or the one it is for', async () => {
    const quiet = (code: string) => code.replaceAll(PUBLISH, '');
    const pages: Page[] = [];
    for (let person = 0; person < 3; person += 1) pages.push(await join('/data', quiet));
    for (const page of pages) {
      await page.evaluate(() => {
        window.received = [];
        window.call.on((event) => {
          if (event.type !== 'data') return;
          window.received.push(`${new TextDecoder().decode(event.data)}, ${String(event.lossy)}`);
        });
      });
    }
    for (const page of pages) await page.evaluate(untilDataCanBeSent);
    const [ann, bob, eve] = pages as [Page, Page, Page];
    const bobsId = await bob.evaluate(() => window.call.peerId);
    await ann.evaluate((to) => {
      window.call.send('to bob', { to });
      window.call.send('to all');
    }, bobsId);
    await bob.waitForFunction(() => window.received.length === 2);
    expect(await bob.evaluate(() => window.received)).toEqual(['to bob, false', 'to all, false']);
    await eve.waitForFunction(() => window.received.length === 1);
    expect(await eve.evaluate(() => window.received)).toEqual(['to all, false']);
  });

  test('UI5: an admin mutes, locks and removes; others may not', async () => {
    const tokenOf = (scope: 'write' | 'admin') => server.token('default', { aud: room, scope });
    const [guests, admins] = [await tokenOf('write'), await tokenOf('admin')];
    const as = (token: string) => (code: string) => code.replace(MASTER_TOKEN, token);
    const admin = await join('/admin', as(admins));
    const guest = await join('/guest', as(guests));
    const voice = await guest.evaluate(
      () => window.call.state.published.find(({ source }) => source === 'microphone')?.id ?? '',
    );
    await admin.evaluate((track) => {
      window.call.muteTrack(track);
    }, voice);
    await guest.waitForFunction(() => window.call.state.published.some(({ muted }) => muted));

    const refused = guest.evaluate(
      () =>
        new Promise((resolve) => {
          window.call.on((event) => {
            if (event.type === 'error') resolve(event.error.reason);
          });
          window.call.lock();
        }),
    );
    expect(await refused).toBe('not_allowed');
    await admin.evaluate(() => {
      window.call.lock();
    });
    await guest.waitForFunction(() => window.call.state.locked);
    const refusal = (code: string) => {
      const joining = as(guests)(code.slice(0, code.indexOf('call.on(')));
      return joining
        .replace('const call = await', 'const call = {};\nwindow.refusal = await')
        .replace(/\}\);\s*$/, '}).catch(({ reason }) => reason);\n');
    };
    const late = await join('/late', refusal);
    expect(await late.evaluate(() => window.refusal)).toBe('locked');

    const guestsId = await guest.evaluate(() => window.call.peerId);
    await admin.evaluate((peerId) => {
      window.call.remove(peerId);
    }, guestsId);
    await guest.waitForFunction(() => {
      const { status } = window.call.state;
      return status.state === 'ended' && status.because === 'removed';
    });
    await admin.waitForFunction(() => window.call.state.peers.length === 0);
  });

  // Three seconds are what users get; a machine with other things to do as well may take longer.
  test('UI6: a call survives that everything was restarted, within 3 seconds', RETRY, async () => {
    await people(2);
    await allReceive();
    await server.stop('SIGKILL');
    await server.start();
    const began = performance.now();
    await Promise.all(
      participants.map(({ page }) =>
        page.waitForFunction(() => {
          const [peer] = window.call.state.peers;
          const tracks = peer?.tracks ?? [];
          const isHere = tracks.length === 2 && tracks.every(({ media }) => media?.muted === false);
          return window.call.state.status.state === 'joined' && isHere;
        }),
      ),
    );
    expect(performance.now() - began).toBeLessThan(3_000);
    await allReceive();
  });

  // Where a machine has other things to do as well, a picture may stand still for want of CPU.
  test('UI7: a slow way makes only the picture of who is on it smaller', RETRY, async () => {
    const [ann] = (await people(1)) as [Page];
    const quiet = (code: string) => code.replaceAll(PUBLISH, '');
    const bob = await join('/fast', quiet);
    const way = await ThrottledWay.to(await ann.evaluate(portOfEngine));
    onTestFinished(() => {
      way.close();
    });
    const eve = await join('/slow', (code) => detour(way) + quiet(code));
    const seen = () => Promise.all([bob, eve].map((page) => page.evaluate(layers)));
    await expect.poll(seen, PATIENCE).toEqual([['h'], ['h']]);
    const stoodStill = () => Promise.all([bob, eve].map((page) => page.evaluate(freezes)));
    const before = await stoodStill();
    way.allow(400_000);
    await expect.poll(seen, PATIENCE).toEqual([['h'], ['q']]);
    way.allow(Infinity);
    await expect.poll(seen, PATIENCE).toEqual([['h'], ['h']]);
    expect(await stoodStill()).toEqual(before);
  });
});

/** Code that lets a page see the engine behind a way, and nowhere else. */
function detour({ enginePort: from, port: to }: ThrottledWay): string {
  return `
    const { prototype } = RTCPeerConnection;
    const original = prototype.setRemoteDescription;
    prototype.setRemoteDescription = function ({ type, sdp }) {
      const lines = sdp.split('\\r\\n').filter((line) => !line.includes(' tcp '));
      const there = lines.map((line) => line.replace(' ${String(from)} typ ', ' ${String(to)} typ '));
      return original.call(this, { type, sdp: there.join('\\r\\n') });
    };
  `;
}

/** Runs in the page: a moment after a call is joined its channels are open. */
async function untilDataCanBeSent(): Promise<void> {
  for (;;) {
    try {
      window.call.send('', { to: window.call.peerId });
      return;
    } catch {
      await new Promise(requestAnimationFrame);
    }
  }
}

/** Runs in the page: where the engine takes UDP. */
function portOfEngine(): number {
  const sdp = window.connections[0]?.remoteDescription?.sdp ?? '';
  return Number(/ udp \d+ 127\.0\.0\.1 (\d+) /.exec(sdp)?.[1]);
}

/** Runs in the page: in which quality each camera is received. */
function layers(): string[] {
  const tracks = window.call.state.peers.flatMap((peer) => peer.tracks);
  const cameras = tracks.filter(({ source }) => source === 'camera');
  return cameras.map(({ layer, paused }) => (paused ? 'paused' : (layer ?? 'only')));
}

/** Runs in the page: how often a picture has stood still. */
async function freezes(): Promise<number> {
  let count = 0;
  for (const connection of window.connections) {
    for (const report of (await connection.getStats()).values()) {
      count += (report as { freezeCount?: number }).freezeCount ?? 0;
    }
  }
  return count;
}
