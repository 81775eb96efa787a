import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

export const hasChromium = existsSync(CHROMIUM);

/** `voice`: a file of what everybody's microphone hears; otherwise it beeps, which is no voice. */
export function launch(voice?: string): Promise<Browser> {
  const hearing = voice === undefined ? [] : [`--use-file-for-fake-audio-capture=${voice}`];
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      ...hearing,
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
      // The public STUN server is the default, and no test of this machine may reach for it.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
    ],
  });
}

/** A participant: a browser of its own, as far as pages can tell. */
export class Participant {
  readonly page: Page;
  /** What the page got wrong. */
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(error.message));
  }

  static async join(browser: Browser, url: string): Promise<Participant> {
    const context = await browser.newContext({ permissions: ['microphone', 'camera'] });
    await context.addInitScript(rememberConnections);
    const participant = new Participant(await context.newPage());
    await participant.page.goto(url);
    return participant;
  }

  /** Waits until sound is heard and a moving picture is seen, from now on. */
  async receivesMedia(): Promise<void> {
    await this.page.evaluate(async () => {
      const before = await window.inboundMedia();
      let now = before;
      while (now.frames < before.frames + 10 || now.energy <= before.energy) {
        await new Promise(requestAnimationFrame);
        now = await window.inboundMedia();
      }
    });
  }

  /** Ends the page without giving it the chance to say so. */
  async crash(): Promise<void> {
    const crashed = this.page.waitForEvent('crash');
    this.page.goto('chrome://crash').catch(() => undefined);
    await crashed;
  }
}

/** Code for a page that answers calls and plays what comes. */
export const ANSWER_AND_PLAY = `
  client.on((event) => {
    if (event.type === 'call-incoming') event.accept();
    if (event.type !== 'call-established') return;
    const video = document.body.appendChild(document.createElement('video'));
    video.autoplay = true;
    video.srcObject = event.remoteStream;
  });
`;

interface InboundMedia {
  frames: number;
  energy: number;
}

declare global {
  interface Window {
    connections: RTCPeerConnection[];
    inboundMedia: () => Promise<InboundMedia>;
  }
}

/** Runs in the page, before its own code. */
function rememberConnections(): void {
  window.connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(config?: RTCConfiguration) {
      super(config);
      window.connections.push(this);
    }
  };
  window.inboundMedia = async () => {
    const media = { frames: 0, energy: 0 };
    for (const connection of window.connections) {
      for (const report of (await connection.getStats()).values()) {
        const stats = report as { type: string; framesDecoded?: number; totalAudioEnergy?: number };
        if (stats.type !== 'inbound-rtp') continue;
        media.frames += stats.framesDecoded ?? 0;
        media.energy += stats.totalAudioEnergy ?? 0;
      }
    }
    return media;
  };
}
