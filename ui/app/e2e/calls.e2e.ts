import { beforeEach, describe, expect, test } from 'vitest';
import { hasChromium } from './lib/browser.ts';
import type { Person } from './lib/browser.ts';
import { useWorld, WAYS } from './lib/world.ts';

describe.skipIf(!hasChromium).each(WAYS)('calls of three, through the %s', (way) => {
  const world = useWorld(way);
  let room = 0;
  let ada: Person;
  let bob: Person;
  let eve: Person;

  /** The owner and two guests, who have the same link. */
  beforeEach(async () => {
    room += 1;
    const name = `call-${String(room)}`;
    const guests = await world.server.roomToken(name);
    ada = await world.owner(way);
    await ada.page.getByRole('link', { name: 'Console' }).waitFor();
    // For the scripts of a page to be run, it must be another one.
    await ada.page.goto('about:blank');
    [bob, eve] = [await world.visit('about:blank'), await world.visit('about:blank')];
    for (const person of [ada, bob, eve]) {
      await person.page.addInitScript(rememberConnections);
      await person.page.goto(world.roomUrl(name, guests));
      await person.text.waitFor();
    }
    await ada.named('Ada');
    await bob.named('Bob');
    await eve.named('Eve');
  }, 60_000);

  /** Waits until all see so many others move. */
  async function allSee(others: number, people = [ada, bob, eve]): Promise<void> {
    for (const { page } of people) await page.waitForFunction(seesMoving, others);
  }

  async function allAreIn(): Promise<void> {
    for (const person of [ada, bob]) await person.button('With camera').click();
    await allSee(1, [ada, bob]);
    await eve.button('With camera').click();
    await allSee(2);
  }

  test('UI3: the third moves the call to the engine, and nobody hangs up', async () => {
    await allAreIn();
    // The direct connections end; what is left is one to the engine.
    for (const { page } of [ada, bob, eve]) {
      await page.waitForFunction(() => window.openConnections() === 1);
    }
    await allSee(2);
    await bob.button('Turn the camera off').click();
    await ada.page.locator('.tile', { hasText: 'Bob' }).locator('.avatar').waitFor();
    await bob.button('Hang up').click();
    await allSee(1, [ada, eve]);
  });

  // What follows is the same whichever way the sockets go.
  test.runIf(way === 'gateway')('UI5: the owner mutes, locks and removes', async () => {
    await allAreIn();
    await moderate('Bob', 'Mute');
    await bob.page.getByText('An admin has turned your microphone off').waitFor();
    await eve.page.locator('.tile', { hasText: 'Bob' }).getByLabel('muted').waitFor();
    await bob.button('Unmute').click();
    await eve.page
      .locator('.tile', { hasText: 'Bob' })
      .getByLabel('muted')
      .waitFor({ state: 'detached' });
    expect(await bob.button(/^Moderate/).count()).toBe(0);

    await ada.button(/^Lock the call/).click();
    await eve.page.getByText('Locked', { exact: true }).waitFor();
    await eve.button('Hang up').click();
    await eve.button('Join call').click();
    await eve.page.getByText('The call is locked').waitFor();
    await ada.button('Unlock the call').click();
    await bob.page.getByText('Locked', { exact: true }).waitFor({ state: 'detached' });

    await moderate('Bob', 'Remove from the call');
    await bob.page.getByText('You were removed from the call').waitFor();
    await bob.button('Join call').waitFor();
  });

  test.runIf(way === 'gateway')('UI6: a call goes on after the server was restarted', async () => {
    await allAreIn();
    await world.server.stop();
    await world.server.start();
    await allSee(2);
  });

  async function moderate(name: string, what: string): Promise<void> {
    await ada.button(`Moderate ${name}`).click();
    await ada.page.getByRole('menuitem', { name: what }).click();
  }
});

declare global {
  interface Window {
    openConnections: () => number;
  }
}

/** Runs in the page, before its own code. */
function rememberConnections(): void {
  const connections: RTCPeerConnection[] = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(config?: RTCConfiguration) {
      super(config);
      connections.push(this);
    }
  };
  window.openConnections = () =>
    connections.filter(({ connectionState }) => connectionState !== 'closed').length;
}

/** Runs in the page: whether this many videos of others show another frame than before. */
async function seesMoving(others: number): Promise<boolean> {
  const videos = [...document.querySelectorAll('video')].filter(
    (video) => video.dataset['own'] === undefined && video.videoWidth > 0,
  );
  if (videos.length !== others) return false;
  const frames = () => videos.map((video) => video.getVideoPlaybackQuality().totalVideoFrames);
  const before = frames();
  await new Promise((resolve) => setTimeout(resolve, 300));
  return frames().every((count, index) => count > (before[index] ?? 0));
}
