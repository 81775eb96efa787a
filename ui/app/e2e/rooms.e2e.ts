import { describe, expect, test } from 'vitest';
import { hasChromium } from './lib/browser.ts';
import type { Person } from './lib/browser.ts';
import { useWorld, WAYS } from './lib/world.ts';
import type { Way } from './lib/world.ts';

describe.skipIf(!hasChromium).each(WAYS)('rooms, through the %s', (way) => {
  const world = useWorld();

  /** The owner, and somebody who got the link. */
  async function two(): Promise<[Person, Person]> {
    const ada = await world.owner(way);
    await ada.startRoom();
    const bob = await world.visit(await invitation(ada, way));
    await bob.text.waitFor();
    return [ada, bob];
  }

  test('two people edit, and see each other and each other’s cursors', async () => {
    const [ada, bob] = await two();
    await ada.named('Ada');
    await ada.write('Dear all,');
    await bob.reads('Dear all,');
    await bob.page.getByRole('complementary').getByText('Ada', { exact: true }).waitFor();
    await bob.page.locator('.kr-caret-name', { hasText: 'Ada' }).waitFor();

    await bob.write(' from Bob');
    await ada.reads('Dear all, from Bob');
    await ada.page.locator('.kr-caret-name').waitFor();
    await ada.button('2 in this room').waitFor();
  });

  test('what is written offline arrives after a return', async () => {
    const [ada, bob] = await two();
    await ada.write('before.');
    await bob.reads('before.');
    await world.server.stop();
    await bob.page.getByText('Offline', { exact: true }).waitFor();
    await bob.write(' offline.');
    await world.server.start();
    await ada.reads('before. offline.');
    await bob.page.getByText(/^(Up to date|Saved)$/).waitFor();
  });

  test('a page that can’t reach its room shows what the device has kept', async () => {
    const [, bob] = await two();
    await bob.write('kept here');
    await bob.hasKept();
    await bob.page.routeWebSocket(/\/doc\//, (socket) => socket.close());
    await bob.page.reload();
    await bob.reads('kept here');
    await bob.page.getByText('Offline', { exact: true }).waitFor();
  });

  test('they share the board', async () => {
    const [ada, bob] = await two();
    for (const { page } of [ada, bob]) await page.getByRole('button', { name: 'Board' }).click();
    await ada.button('Rectangle').click();
    const box = await ada.board.boundingBox();
    if (box === null) throw new Error('the board is nowhere');
    const { x, y } = box;
    await ada.page.mouse.move(x + 200, y + 200);
    await ada.page.mouse.down();
    await ada.page.mouse.move(x + 360, y + 300, { steps: 4 });
    await ada.page.mouse.up();
    const rectangle = bob.board.getByRole('button', { name: 'Rectangle' });
    await rectangle.waitFor();

    await rectangle.dblclick({ force: true });
    await bob.page.getByLabel('Text of this item').fill('Kitchen');
    await ada.board.getByRole('button', { name: 'Rectangle: Kitchen' }).waitFor();

    await ada.button('Draw').click();
    await ada.page.mouse.move(x + 500, y + 200);
    await ada.page.mouse.down();
    await ada.page.mouse.move(x + 600, y + 280, { steps: 8 });
    await ada.page.mouse.up();
    await bob.board.getByRole('button', { name: 'Drawing' }).waitFor();
    await bob.board.locator('.pointer').waitFor();

    await ada.button('Undo').click();
    await bob.board.getByRole('button', { name: 'Drawing' }).waitFor({ state: 'detached' });
    await bob.board.getByRole('button', { name: 'Rectangle: Kitchen' }).waitFor();
  });

  test('they call each other, mute, share a screen, and hang up', async () => {
    const [ada, bob] = await two();
    await ada.button('With camera').click();
    await ada.button('Hang up').waitFor();
    await bob.page.getByText('in the call').waitFor();
    await bob.button('With camera').click();
    for (const { page } of [ada, bob]) {
      await page.waitForFunction(() => {
        const videos = [...document.querySelectorAll('video')];
        return videos.length === 2 && videos.every((video) => video.videoWidth > 0);
      });
    }
    await ada.button('Mute').click();
    await bob.page.getByRole('complementary').getByLabel('muted').waitFor();

    await bob.button('Share the screen').click();
    await bob.button('Stop sharing the screen').waitFor();
    await ada.page.locator('video.is-whole').waitFor();
    await bob.button('Stop sharing the screen').click();
    await ada.page.locator('video.is-whole').waitFor({ state: 'detached' });

    await bob.button('Choose devices').click();
    const microphone = bob.page.getByLabel('Microphone', { exact: true });
    const microphones = microphone.locator('option');
    await expect.poll(() => microphones.count()).toBeGreaterThan(1);
    const other = (await microphones.nth(1).getAttribute('value')) ?? '';
    await microphone.selectOption(other);
    await expect.poll(() => microphone.inputValue()).toBe(other);
    await bob.page.getByRole('button', { name: 'Close' }).first().click();

    await ada.button('Turn the camera off').click();
    await bob.page.locator('.tile', { hasText: /\S/ }).first().locator('.avatar').waitFor();
    await bob.button('Hang up').click();
    await bob.button('Join call').waitFor();
    await ada.page.getByText('You’re the first one here').waitFor();
  });

  test('three people are in one call, and it goes on when one leaves', async () => {
    const [ada, bob] = await two();
    const eve = await world.visit(bob.page.url());
    const all = [ada, bob, eve];
    // All at once, so that nobody is surely the last.
    await Promise.all(all.map((person) => person.button('Join call').click()));
    for (const { page } of all) {
      await page.waitForFunction(() => {
        const others = [...document.querySelectorAll('.tile video:not([data-own])')];
        const live = others.filter((video) => (video as HTMLVideoElement).currentTime > 0);
        return live.length === 2;
      });
    }
    await eve.page.close();
    await ada.page.locator('.tile').nth(2).waitFor({ state: 'detached' });
    await bob.page.locator('.tile').nth(2).waitFor({ state: 'detached' });
    await ada.button('Mute').click();
    await bob.page.getByRole('complementary').getByLabel('muted').waitFor();
  });

  test('whoever joins without a camera can turn it on later', async () => {
    const [ada, bob] = await two();
    await ada.button('Join call').click();
    await bob.button('Join call').click();
    await ada.page.locator('video').nth(1).waitFor({ state: 'attached' });
    await bob.button('Turn the camera on').click();
    await ada.page.waitForFunction(() =>
      [...document.querySelectorAll('video')].some((video) => video.videoWidth > 0),
    );
  });

  test('a room has a title that everybody sees, and is found again at home', async () => {
    const [ada, bob] = await two();
    const title = ada.page.getByLabel('Title of the room');
    await title.fill('Launch plan');
    await title.press('Enter');
    await bob.page.waitForFunction(
      () => document.querySelector<HTMLInputElement>('.room-title input')?.value === 'Launch plan',
    );
    await bob.page.getByRole('link', { name: 'Kraken, home' }).click();
    await bob.page.getByRole('link', { name: 'Launch plan' }).click();
    await bob.text.waitFor();
  });
});

/** The link that the owner copies out of the dialog. */
async function invitation(owner: Person, way: Way): Promise<string> {
  await owner.button('Invite').click();
  const guests = owner.button('Let guests in');
  const copy = owner.button('Copy link');
  const link = owner.page.getByLabel('Link to this room');
  await owner.page.waitForFunction(() =>
    [...document.querySelectorAll('input')].some(({ value }) => value.includes('?token=')),
  );
  if (way === 'node' && (await guests.isVisible())) {
    await guests.click();
    await guests.waitFor({ state: 'detached' });
  }
  await copy.click();
  await owner.page.getByText('Copied').waitFor();
  const copied = await owner.page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(await link.inputValue());
  await owner.page.keyboard.press('Escape');
  return copied;
}
