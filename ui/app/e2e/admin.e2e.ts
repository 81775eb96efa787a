import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { hasChromium } from './lib/browser.ts';
import type { Person } from './lib/browser.ts';
import { useWorld, WAYS } from './lib/world.ts';
import { runSnippet } from './lib/snippet.ts';

interface App {
  name: string;
  allowed_origins: string[];
  require_app_token: boolean;
  durability: string | null;
  limits: Record<string, number>;
  secrets: { id: number; expires_at: number | null }[];
}

interface Settings {
  durability: string;
  tickets_for_everyone: boolean;
  limits: Record<string, number>;
  sds?: { configured: boolean; issuer: string | null; persist: boolean };
}

describe.skipIf(!hasChromium).each(WAYS)('the console, through the %s', (way) => {
  const world = useWorld();
  const appOf = (id: string) => world.server.api<App>('GET', `/apps/${id}`);
  const settings = () => world.server.api<Settings>('GET', '/settings');

  async function consoleAt(section: string): Promise<Person> {
    const owner = await world.owner(way);
    await owner.page.getByRole('heading', { level: 1 }).waitFor();
    await owner.page.goto(`${world.url(way)}#/admin/${section}`);
    return owner;
  }

  async function register(owner: Person, name: string, origins: string): Promise<void> {
    await owner.button('Register an app').click();
    await owner.page.getByRole('textbox', { name: 'Name' }).fill(name);
    await owner.page.getByLabel('Addresses of its pages').fill(origins);
    await owner.button('Register').click();
    await owner.page.getByRole('tab', { name: 'y-websocket' }).waitFor();
  }

  test('an app is registered, and its snippet works, in three clicks', async () => {
    const owner = await consoleAt('apps');
    await register(owner, 'Field Notes', 'https://notes.example\nhttps://*.notes.example');
    const code = owner.page.getByLabel('Code for y-websocket');
    await expect.poll(() => code.textContent()).toContain("token: 'ey");
    const gateway = owner.page.getByLabel('Address of your gateway');
    if (way === 'node') await gateway.fill(`http://127.0.0.1:${String(world.server.port)}`);
    await owner.button('Copy').click();
    const copied = await owner.page.evaluate(() => navigator.clipboard.readText());

    expect(await appOf('field-notes')).toMatchObject({
      name: 'Field Notes',
      allowed_origins: ['https://notes.example', 'https://*.notes.example'],
    });
    expect(await runSnippet(copied)).toContain('in sync');
    await owner.page.getByRole('tab', { name: 'React' }).click();
    await owner.page.getByLabel('Code for React').getByText('useDocument').waitFor();
  });

  test('a bad origin is refused in words, and nothing is lost', async () => {
    const owner = await consoleAt('apps');
    await owner.button('Register an app').click();
    await owner.page.getByRole('textbox', { name: 'Name' }).fill('Odd');
    await owner.page.getByLabel('Addresses of its pages').fill('*');
    await owner.button('Register').click();
    await owner.page.getByText('The server refused').waitFor();
    expect(await owner.page.getByLabel('Addresses of its pages').inputValue()).toBe('*');
  });

  test('an app is changed, its secrets are rotated and revoked, and it is deleted', async () => {
    const owner = await consoleAt('apps');
    const { page } = owner;
    await register(owner, 'Team Board', 'https://board.example');
    const secret = await page.getByLabel('Secret of the app').inputValue();
    expect(secret.length).toBeGreaterThan(20);
    await owner.button('I have kept it').click();

    await page.getByRole('textbox', { name: 'Name' }).fill('The Board');
    await page.getByLabel('Addresses of its pages').fill('https://two.example');
    await owner.button('Save details').click();
    await expect.poll(async () => (await appOf('team-board')).name).toBe('The Board');
    expect((await appOf('team-board')).allowed_origins).toEqual(['https://two.example']);

    await page.getByRole('switch', { name: 'Only app tokens' }).click();
    await expect.poll(async () => (await appOf('team-board')).require_app_token).toBe(true);
    await page.getByLabel('Durability').selectOption('write-first');
    await expect.poll(async () => (await appOf('team-board')).durability).toBe('write-first');

    await page.getByLabel('Connections of an app').fill('500');
    await owner.button('Save limits').click();
    await expect.poll(async () => (await appOf('team-board')).limits).toEqual({ connections: 500 });

    await page.getByLabel('Earlier ones stay good for').selectOption('3600');
    await owner.button('Make a new secret').click();
    expect(await page.getByLabel('New secret').inputValue()).not.toBe(secret);
    await owner.button('Revoke secret 1').click();
    await owner.button('Revoke').click();
    await expect
      .poll(async () => (await appOf('team-board')).secrets.map(({ id }) => id))
      .toEqual([2]);

    await owner.button('Delete The Board').click();
    const sure = owner.button('Delete the app and its documents');
    expect(await sure.isDisabled()).toBe(true);
    await page.getByLabel('Type team-board to go on').fill('team-board');
    await sure.click();
    await page.getByRole('heading', { name: 'Apps' }).waitFor();
    await expect.poll(() => appOf('team-board').catch(String)).toContain('no_such_app');
  });

  test('a token is issued, and opens what it says', async () => {
    const owner = await consoleAt('tokens');
    const { page } = owner;
    await page.getByLabel('User', { exact: true }).fill('ada');
    await page.getByLabel('Rooms', { exact: true }).fill('diary');
    await owner.button('Issue the token').click();
    await page.getByRole('tab', { name: 'Token only' }).first().click();
    const token = (await page.getByLabel('The token').first().textContent()) ?? '';
    const reader = await world.visit(world.roomUrl('diary', token));
    await reader.text.waitFor();
    const other = await world.visit(world.roomUrl('other', token));
    await other.page.getByText('Your link is for another room').waitFor();
  });

  test('settings, limits and credentials', async () => {
    const owner = await consoleAt('settings');
    const { page } = owner;
    await page.getByLabel('Durability').selectOption('write-first');
    await expect.poll(async () => (await settings()).durability).toBe('write-first');
    const before = (await settings()).tickets_for_everyone;
    await page.getByRole('switch', { name: 'Guests through the node' }).click();
    await expect.poll(async () => (await settings()).tickets_for_everyone).toBe(!before);
    await page.getByLabel('Rooms of the server in memory').fill('20000');
    await owner.button('Save limits').click();
    await expect.poll(async () => (await settings()).limits).toEqual({ total_rooms: 20_000 });

    await owner.button('Renew the master token').click();
    await owner.button('Renew').click();
    const master = await page.getByLabel('New master token').inputValue();
    const guest = await world.visit(world.roomUrl('any', master));
    await guest.text.waitFor();

    await owner.button('Show the key').click();
    const key = await page.getByLabel('Link key').inputValue();
    expect((await world.server.api<{ key: string }>('GET', '/link')).key).toBe(key);
    await owner.button('Make a new key').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make a new key' }).click();
    await expect
      .poll(async () => (await world.server.api<{ key: string }>('GET', '/link')).key)
      .not.toBe(key);
  });

  test('rooms are listed while somebody is in them', async () => {
    const owner = await consoleAt('rooms');
    const url = world.roomUrl('listed', await world.server.roomToken('listed'));
    const guest = await world.visit(url);
    await guest.text.waitFor();
    await guest.write('something of a size');
    const row = owner.page.getByRole('row', { name: /listed/ });
    await row.getByText('1', { exact: true }).waitFor();
    await row.getByText(/\d+ B/).waitFor();
  });

  test('stores: a secret, a token, a client that is listed, a revocation, a deletion', async () => {
    const secret = 'a-secret-of-stores-with-32-letters-at-least';
    const owner = await consoleAt('settings');
    const { page } = owner;
    await page.getByLabel(/^(New secret|Secret)$/).fill(secret);
    await owner.button('Save stores').click();
    await expect.poll(async () => (await settings()).sds?.configured).toBe(true);

    await page.goto(`${world.url(way)}#/admin/tokens`);
    await page.getByLabel('Secret of the stores').fill(secret);
    await page.getByLabel('Store', { exact: true }).fill('shed');
    const signing = page.getByRole('region', { name: 'For a store' });
    await signing.getByLabel('Client', { exact: true }).fill('ada');
    await owner.button('Sign the token').click();
    await page.getByLabel('Code for SDS').getByText("connectTo('ws").waitFor();
    await page.getByRole('tab', { name: 'Token only' }).click();
    const token = (await page.getByLabel('The token').textContent()) ?? '';
    const connect = async () => {
      const address = `ws://127.0.0.1:${String(world.server.port)}/ws/shed?token=${token}`;
      const socket = new WebSocket(address);
      const closed = once(socket, 'close') as Promise<[code: number]>;
      await once(socket, 'open');
      return { closed };
    };

    const first = await connect();
    await page.goto(`${world.url(way)}#/admin/stores`);
    await page.getByRole('row', { name: /shed/ }).getByText('1', { exact: true }).waitFor();
    await owner.button('Delete shed').click();
    await page.getByLabel('Type shed to go on').fill('shed');
    await owner.button('Delete the store').click();
    await page.getByText('shed is deleted.').waitFor();
    await first.closed;

    const second = await connect();
    await page.goto(`${world.url(way)}#/admin/tokens`);
    const revoked = page.getByRole('region', { name: 'Revoked for stores' });
    await revoked.getByLabel('Client', { exact: true }).fill('ada');
    await owner.button('Revoke').click();
    await page.getByText('Tokens of ada').waitFor();
    expect((await second.closed)[0]).toBe(4001);
    await owner.button('Allow again: Tokens of ada').click();
    await page.getByText('Nothing is revoked.').waitFor();
  });

  test('the overview shows how the server is, and charts what it does', async () => {
    const owner = await consoleAt('');
    await owner.page.getByText('Version').waitFor();
    const chart = owner.page.getByRole('img', { name: /^Connections: Open [1-9]/ });
    const guest = await world.visit(world.roomUrl('c', await world.server.roomToken('c')));
    await guest.text.waitFor();
    await chart.waitFor();
    await world.server.stop();
    await owner.page.getByText('Kraken doesn’t answer').waitFor();
    await world.server.start();
    await owner.page.getByText('Kraken doesn’t answer').waitFor({ state: 'detached' });
  });
});
