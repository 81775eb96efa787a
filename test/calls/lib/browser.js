// @ts-check
/** Chromium, and people in it who are in a call. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { until } from './wait.js';

/** How long somebody may take to be heard, on a busy machine, in milliseconds. */
const SOON = 30_000;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
];

/** @typedef {{ energy: number, packets: number, frames: number, lost: number }} Inbound */

/** A browser, and the server of its page. */
export class Stage {
  /**
   * @param {import('playwright-core').Browser} browser
   * @param {import('node:http').Server} server
   * @param {string} page
   */
  constructor(browser, server, page) {
    this.browser = browser;
    this.server = server;
    this.page = page;
  }

  static async open() {
    const server = createServer((request, response) => void serve(request.url ?? '/', response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
    return new Stage(browser, server, `http://localhost:${port}/`);
  }

  /**
   * @param {string} api
   * @param {string} user
   * @param {string[]} [flags] of the page: video, tcp, relay, chat
   */
  async join(api, user, flags = []) {
    const context = await this.browser.newContext({ permissions: ['microphone', 'camera'] });
    const page = await context.newPage();
    const query = new URLSearchParams({ api, room: 'room', user });
    for (const flag of flags) query.set(flag, '1');
    await page.goto(`${this.page}?${query}`);
    return new Person(page, user);
  }

  /** A page for WHIP and WHEP. */
  async whip() {
    const context = await this.browser.newContext({ permissions: ['microphone', 'camera'] });
    const page = await context.newPage();
    await page.goto(`${this.page}whip.html`);
    return new WhipClient(page);
  }

  async close() {
    await this.browser.close();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** Somebody in a call. */
export class Person {
  /**
   * @param {import('playwright-core').Page} page
   * @param {string} user
   */
  constructor(page, user) {
    this.page = page;
    this.user = user;
  }

  /**
   * Whom the page shows, as the users name themselves.
   *
   * @param {string} [kind]
   * @returns {Promise<string[]>}
   */
  async sees(kind = 'audio') {
    const users = await this.page.evaluate((kind) => {
      const elements = [...document.querySelectorAll(`#peers > ${kind}`)];
      return elements.map((element) => /** @type {HTMLElement} */ (element).dataset.user ?? '');
    }, kind);
    return users.sort();
  }

  /** @param {string[]} users @param {number} [within] milliseconds @param {string} [kind] */
  async untilSees(users, within = SOON, kind = 'audio') {
    const expected = [...users].sort().join();
    const what = `${this.user} sees ${expected || 'nobody'}`;
    await until(what, within, async () => (await this.sees(kind)).join() === expected);
  }

  /**
   * What has come of somebody.
   *
   * @param {string} user
   * @param {string} [kind]
   * @returns {Promise<Inbound>}
   */
  async inbound(user, kind = 'audio') {
    return await this.page.evaluate(
      async ([user, kind]) => {
        const none = { energy: 0, packets: 0, frames: 0, lost: 0 };
        const elements = [...document.querySelectorAll(`#peers > ${kind}`)];
        const element = /** @type {HTMLMediaElement | undefined} */ (
          elements.find((element) => /** @type {HTMLElement} */ (element).dataset.user === user)
        );
        const [track] = /** @type {MediaStream | undefined} */ (element?.srcObject)?.getTracks() ?? [];
        const { pc } = /** @type {any} */ (window).call;
        const receiver = pc?.getReceivers().find((/** @type {any} */ receiver) => receiver.track === track);
        if (track === undefined || receiver === undefined) return none;
        for (const report of (await receiver.getStats()).values()) {
          if (report.type !== 'inbound-rtp') continue;
          return {
            energy: report.totalAudioEnergy ?? 0,
            packets: report.packetsReceived,
            frames: report.framesDecoded ?? 0,
            lost: report.packetsLost,
          };
        }
        return none;
      },
      [user, kind],
    );
  }

  /**
   * Waits until more of somebody's voice has come than before.
   *
   * @param {...string} users
   */
  async hears(...users) {
    for (const user of users) {
      const before = await this.inbound(user);
      await until(`${this.user} hears ${user}`, SOON, async () => {
        const { energy, packets } = await this.inbound(user);
        return energy > before.energy && packets > before.packets + 50;
      });
    }
  }

  /** @param {...string} users */
  async watches(...users) {
    for (const user of users) {
      const before = await this.inbound(user, 'video');
      await until(`${this.user} watches ${user}`, SOON, async () => {
        const { frames } = await this.inbound(user, 'video');
        return frames > before.frames + 20;
      });
    }
  }

  /** @param {boolean} isOn */
  async setMicrophone(isOn) {
    await this.page.evaluate((isOn) => {
      const { local } = /** @type {any} */ (window).call;
      for (const track of local.getAudioTracks()) track.enabled = isOn;
    }, isOn);
  }

  /** Restarts ICE; gives the names by which the engine was asked for before and after. */
  async restart() {
    return await this.page.evaluate(async () => {
      const { call } = /** @type {any} */ (window);
      const name = () => /^a=ice-ufrag:(.*)$/m.exec(call.pc.remoteDescription.sdp)?.[1]?.trim();
      const before = name();
      await call.restart();
      return { before, after: name() };
    });
  }

  /** How often the page has started its call, and what went wrong in it. */
  async history() {
    return await this.page.evaluate(() => {
      const { starts, errors } = /** @type {any} */ (window).call;
      return { starts, errors };
    });
  }

  /** The candidates between which media flows, and how it is protected. */
  async path() {
    return await this.page.evaluate(async () => {
      const { pc } = /** @type {any} */ (window).call;
      const stats = await pc.getStats();
      const reports = [...stats.values()];
      const transport = reports.find((report) => report.type === 'transport');
      const pair = stats.get(transport?.selectedCandidatePairId);
      return {
        local: stats.get(pair?.localCandidateId)?.candidateType,
        protocol: stats.get(pair?.remoteCandidateId)?.protocol,
        cipher: transport?.srtpCipher,
      };
    });
  }

  /** The tab goes, as when somebody closes the lid. */
  async vanish() {
    await this.page.context().close();
  }
}

/** A page that publishes by WHIP or plays by WHEP. */
export class WhipClient {
  /** @param {import('playwright-core').Page} page */
  constructor(page) {
    this.page = page;
  }

  /** @param {string} endpoint @param {string} token @param {string[]} codec the only one for video, or none */
  async publish(endpoint, token, ...codec) {
    await this.#call('publish', endpoint, token, ...codec);
  }

  /** @param {string} endpoint @param {string} token */
  async play(endpoint, token) {
    await this.#call('play', endpoint, token);
  }

  async untilConnected() {
    await until('media can flow', SOON, async () => (await this.#call('state')) === 'connected');
  }

  /** Waits until more of sound and picture has come than before. */
  async untilPlays() {
    const before = await this.#call('received');
    await until('it is heard and seen', SOON, async () => {
      const now = await this.#call('received');
      return now.energy > before.energy && now.frames > before.frames + 20;
    });
  }

  /** Sends a fragment of a description; gives the status. */
  async trickle() {
    return await this.#call('trickle');
  }

  /** Ends the session; gives the status. */
  async leave() {
    return await this.#call('leave');
  }

  /** Plays a file from beginning to end. @param {Buffer} body */
  async playFile(body) {
    const url = new URL('/recording', this.page.url()).href;
    await this.page.route(url, (route) => ranged(route, body));
    return await this.#call('playFile', url);
  }

  /** @param {string} name @param {...string} values @returns {Promise<any>} */
  async #call(name, ...values) {
    return await this.page.evaluate(
      ({ name, values }) => /** @type {any} */ (window).whip[name](...values),
      { name, values },
    );
  }

  /** The tab goes. */
  async vanish() {
    await this.page.context().close();
  }
}

/**
 * Serves parts of a file, as players ask for them.
 *
 * @param {import('playwright-core').Route} route
 * @param {Buffer} body
 */
async function ranged(route, body) {
  const [, begin = '0', end = ''] = /^bytes=(\d+)-(\d*)$/.exec(route.request().headers()['range'] ?? '') ?? [];
  const last = end === '' ? body.length - 1 : Math.min(Number(end), body.length - 1);
  await route.fulfill({
    status: 206,
    headers: {
      'Accept-Ranges': 'bytes',
      'Content-Range': `bytes ${begin}-${last}/${body.length}`,
      'Content-Type': 'video/webm',
    },
    body: body.subarray(Number(begin), last + 1),
  });
}

/**
 * @param {string} url
 * @param {import('node:http').ServerResponse} response
 */
async function serve(url, response) {
  const [path = '/'] = url.split('?');
  /** @type {Record<string, [string, string]>} */
  const files = {
    '/': ['index.html', 'text/html'],
    '/call.js': ['call.js', 'text/javascript'],
    '/whip.html': ['whip.html', 'text/html'],
    '/whip.js': ['whip.js', 'text/javascript'],
  };
  const [name, type] = files[path] ?? [];
  if (name === undefined) {
    response.writeHead(404).end();
    return;
  }
  const text = await readFile(new URL(`../page/${name}`, import.meta.url));
  response.writeHead(200, { 'Content-Type': type }).end(text);
}
