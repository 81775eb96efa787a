import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import type { AxeResults, RunOptions } from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from './lib/browser.ts';
import type { Person } from './lib/browser.ts';
import { ROOM, fillRoom, pointAt, populate } from './lib/scenes.ts';
import { useWorld, WAYS } from './lib/world.ts';
import type { Way } from './lib/world.ts';

/** Where pictures of all pages go, if they are to be taken. */
const SHOTS =
  process.env['KRAKEN_SHOTS'] === undefined
    ? null
    : fileURLToPath(new URL('../../../test/e2e/shots/', import.meta.url));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } as const;
const LOOKS: readonly (readonly [name: string, way: Way, options: BrowserContextOptions])[] = [
  ['light', 'gateway', { colorScheme: 'light' }],
  ['dark', 'gateway', { colorScheme: 'dark' }],
  ['phone', 'gateway', { colorScheme: 'light', ...PHONE }],
  ['dark', 'node', { colorScheme: 'dark' }],
];

describe.skipIf(!hasChromium).each(LOOKS)('every page, %s, through the %s', (look, way, options) => {
  const world = useWorld(way);
  beforeAll(async () => {
    if (SHOTS !== null) await mkdir(SHOTS, { recursive: true });
    await fillRoom(world);
    await world.server.api('POST', '/apps', {
      app_id: 'field-notes',
      name: 'Field Notes',
      allowed_origins: ['https://notes.example', 'https://*.notes.example'],
    });
    await world.server.api('POST', '/apps', {
      app_id: 'team-board',
      name: 'Team Board',
      allowed_origins: ['https://board.example'],
      require_app_token: true,
    });
  });

  /** Takes a picture if that is wanted, and looks for what shuts people out. */
  async function examine(page: Page, name: string): Promise<void> {
    await page.evaluate(() => document.fonts.ready);
    if (SHOTS !== null && way === 'gateway') {
      await page.screenshot({ path: `${SHOTS}${name}-${look}.png` });
    }
    expect(await widerThanItsScreen(page)).toBe(false);
    expect(await seriousProblems(page)).toEqual([]);
  }

  /** Whoever comes by the room's link, with a name. */
  async function guest(name: string, color: string, own: BrowserContextOptions): Promise<Person> {
    const person = await world.visit('about:blank', own);
    await person.page.addInitScript(
      ([who, paint]) => {
        localStorage.setItem('kraken:person', JSON.stringify({ name: who, color: paint }));
      },
      [name, color] as const,
    );
    await person.page.goto(world.roomUrl(ROOM, await world.server.roomToken(ROOM)));
    await person.text.waitFor();
    return person;
  }

  async function showPanel(person: Person): Promise<void> {
    // On phones the panel is closed at first.
    const show = person.page.getByRole('navigation').getByRole('button', { name: 'Call' });
    if (await show.isVisible()) await show.click();
  }

  test('home', async () => {
    const fresh = await world.owner(way, options);
    await fresh.page.getByText('No rooms yet').waitFor();
    await examine(fresh.page, 'home-first');
    const ada = await guest('Ada Lind', '#0b7285', options);
    await ada.page.goto(world.url());
    await ada.page.getByRole('link', { name: 'Launch plan' }).waitFor();
    await examine(ada.page, 'home');
  });

  test('a room: document, board, call, invitation', async () => {
    const ada = await guest('Ada Lind', '#0b7285', options);
    const mara = await guest('Mara Voss', '#b5356b', { colorScheme: 'light' });
    const jonas = await guest('Jonas Brand', '#5f3dc4', { colorScheme: 'light' });
    await pointAt(mara, 'everybody helps');
    await pointAt(jonas, 'plays something');
    await ada.page.locator('.kr-caret-name').nth(1).waitFor();
    await examine(ada.page, 'room-document');

    for (const { page } of [mara, jonas]) await page.getByRole('button', { name: 'Board' }).click();
    const wide = ada.button('Side by side');
    await ((await wide.isVisible()) ? wide : ada.button('Board')).click();
    for (const [person, x, y] of [
      [mara, 380, 300],
      [jonas, 620, 480],
    ] as const) {
      const box = await person.board.boundingBox();
      await person.page.mouse.move((box?.x ?? 0) + x, (box?.y ?? 0) + y, { steps: 3 });
    }
    await ada.page.locator('.pointer').nth(1).waitFor();
    await ada.button('Show everything').click();
    await examine(ada.page, 'room-side-by-side');
    await ada.button('Board').click();
    await ada.button('Show everything').click();
    await ada.board.getByRole('button', { name: 'Rectangle: Kitchen' }).click({ force: true });
    await examine(ada.page, 'room-board');
    await ada.page.keyboard.press('Escape');

    await mara.button('With camera').click();
    await showPanel(ada);
    await ada.page.getByText('in the call').waitFor();
    await ada.button('With camera').click();
    await ada.page.waitForFunction(() => {
      const videos = [...document.querySelectorAll('video')];
      return videos.length === 2 && videos.every(({ videoWidth }) => videoWidth > 0);
    });
    await examine(ada.page, 'room-call');
    await jonas.button('With camera').click();
    await ada.page.waitForFunction(() => {
      const videos = [...document.querySelectorAll('video')];
      return videos.length === 3 && videos.every(({ videoWidth }) => videoWidth > 0);
    });
    await examine(ada.page, 'room-group-call');
    await ada.button('Hang up').click();
    const close = ada.page.getByRole('complementary').getByRole('button', { name: 'Close' });
    if (await close.isVisible()) await close.click();

    await ada.button('Invite').click();
    await ada.page.getByLabel('Link to this room').waitFor();
    await examine(ada.page, 'room-invite');
    await ada.page.keyboard.press('Escape');
    await ada.page.getByRole('dialog').waitFor({ state: 'detached' });
    await showPanel(ada);
    await ada.button('Change your name and colour').click();
    await ada.page.getByRole('dialog').waitFor();
    await examine(ada.page, 'room-you');
  });

  test('what is shown in place of a room', async () => {
    const stranger = await world.visit(world.roomUrl(ROOM, null), options);
    await stranger.page.getByText('needs an invitation').waitFor();
    await examine(stranger.page, 'room-locked');
    await stranger.page.goto(`${world.url()}#/admin`);
    await stranger.page.getByLabel('Admin token').waitFor();
    await examine(stranger.page, 'admin-sign-in');
    await stranger.page.goto(`${world.url()}#/nowhere`);
    await stranger.page.getByText('There is nothing here').waitFor();
    await examine(stranger.page, 'not-found');
  });

  test('the console', async () => {
    const mara = await guest('Mara Voss', '#b5356b', {});
    const leave = await populate(world);
    const { page } = await world.owner(way, options);
    await page.getByRole('heading', { level: 1 }).waitFor();
    const visit = async (path: string, heading: string) => {
      await page.goto(`${world.url()}#/admin${path}`);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    };
    await visit('', 'Overview');
    for (let line = 0; line < 8; line += 1) {
      await mara.write(`\nand ${'so on '.repeat((line % 3) * 2 + 1)}`);
      await page.waitForResponse((response) => response.url().endsWith('/metrics'));
    }
    await examine(page, 'admin-overview');
    await visit('/apps', 'Apps');
    await examine(page, 'admin-apps');
    await page.getByRole('button', { name: 'Register an app' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Shopping');
    await examine(page, 'admin-new-app');
    await page.getByRole('button', { name: 'Register', exact: true }).click();
    await page.getByLabel('Code for y-websocket').getByText("token: 'ey").waitFor();
    await examine(page, 'admin-app');
    await page.getByRole('button', { name: 'Delete Shopping' }).click();
    await page.getByLabel('Type shopping to go on').waitFor();
    await examine(page, 'admin-delete');
    await page.keyboard.press('Escape');
    await world.server.api('DELETE', '/apps/shopping?confirm=shopping');
    await visit('/rooms', 'Rooms');
    await page.getByRole('link', { name: ROOM }).waitFor();
    await examine(page, 'admin-rooms');
    await visit('/stores', 'Stores');
    await page.getByRole('button', { name: 'Delete recipes' }).waitFor();
    await examine(page, 'admin-stores');
    await visit('/tokens', 'Tokens');
    await examine(page, 'admin-tokens');
    await visit('/settings', 'Settings');
    await examine(page, 'admin-settings');
    leave();
  });
});

describe.skipIf(!hasChromium).each(WAYS)('with the keyboard alone, through the %s', (way) => {
  const world = useWorld();

  test('somebody starts a room, writes, puts up a note, calls, and invites', async () => {
    await world.server.api('PATCH', '/settings', { tickets_for_everyone: true });
    const ada = await world.owner(way);
    await press(ada, 'Start a room');
    await ada.text.waitFor();
    const bob = await world.visit(ada.page.url());
    await bob.text.waitFor();

    await tabTo(ada, ada.text);
    await ada.page.keyboard.type('by keyboard');
    await bob.reads('by keyboard');
    // Tab indents, so Escape comes first.
    await ada.page.keyboard.press('Escape');
    await ada.page.keyboard.press('Tab');
    expect(await ada.text.evaluate((text) => text.matches(':focus'))).toBe(false);

    await press(ada, 'Board');
    // The toolbar is one stop; arrows go on from there.
    await tabTo(ada, ada.button('Select and move'));
    // To the pen, and to the notes.
    await ada.page.keyboard.press('ArrowRight');
    await ada.page.keyboard.press('ArrowRight');
    await ada.page.keyboard.press('Enter');
    await ada.page.keyboard.type('Milk');
    await ada.page.keyboard.press('Escape');
    await bob.button('Board').click();
    const note = bob.board.getByRole('button', { name: 'Sticky note: Milk' });
    await note.waitFor();
    const before = await note.getAttribute('transform');
    await ada.page.keyboard.press('ArrowRight');
    await expect.poll(() => note.getAttribute('transform')).not.toBe(before);
    await ada.page.keyboard.press('Delete');
    await note.waitFor({ state: 'detached' });

    await press(ada, 'Join call');
    await press(ada, 'Hang up');
    await press(ada, 'Invite');
    await tabTo(ada, ada.button('Copy link'));
    await ada.page.keyboard.press('Escape');
    await ada.page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await ada.button('Invite').evaluate((button) => button.matches(':focus'))).toBe(true);
  });
});

async function press(person: Person, name: string): Promise<void> {
  await tabTo(person, person.button(name));
  await person.page.keyboard.press('Enter');
}

/** Goes there by Tab, as far as that leads. */
async function tabTo(person: Person, target: ReturnType<Person['button']>): Promise<void> {
  await target.waitFor();
  for (let presses = 0; presses < 60; presses += 1) {
    if (await target.evaluate((element) => element.matches(':focus'))) return;
    await person.page.keyboard.press('Tab');
  }
  throw new Error('Tab never gets there');
}

function widerThanItsScreen(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1);
}

async function seriousProblems(page: Page): Promise<string[]> {
  // Not as a script element: the policy allows only the page's own.
  await page.evaluate(await readFile(AXE, 'utf8'));
  const results = await page.evaluate(() => {
    const { axe } = window as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } };
    return axe.run({ resultTypes: ['violations'] });
  });
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ''}`),
    );
}
