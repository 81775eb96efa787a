import { describe, expect, test } from 'vitest';
import { hasChromium } from './lib/browser.ts';
import { ADMIN_TOKEN, MASTER_TOKEN } from './lib/kraken.ts';
import { useWorld, WAYS } from './lib/world.ts';

describe.skipIf(!hasChromium).each(WAYS)('what is wrong is said, with what to do, through the %s', (way) => {
  const world = useWorld(way);

  test('a wrong admin token, in the address and in the form', async () => {
    const { page } = await world.visit(`${world.url()}#admin=wrong`);
    await page.getByText('The admin token is not accepted').waitFor();
    expect(page.url()).not.toContain('wrong');

    await page.getByRole('link', { name: 'Admin' }).click();
    await page.getByLabel('Admin token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This is not the admin token').waitFor();
    await page.getByLabel('Admin token').fill(ADMIN_TOKEN);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Admin token').waitFor();
  });

  test('a room without a key asks for one, and takes it', async () => {
    const guest = await world.visit(world.roomUrl('locked', null));
    const { page } = guest;
    await page.getByRole('heading', { name: 'This room needs an invitation' }).waitFor();
    await page.getByLabel('Token').fill('nonsense');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('This token opens nothing here').waitFor();
    await page.getByLabel('Token').fill(MASTER_TOKEN);
    await page.getByRole('button', { name: 'Continue' }).click();
    await guest.text.waitFor();
    // The master token opens more than this room, so it is no invitation.
    await guest.button('Invite').click();
    await page.getByText('Only the owner can make links here').waitFor();
  });

  test('a wrong, an expired and another room’s link', async () => {
    const wrong = await world.visit(world.roomUrl('a', 'wrong'));
    await wrong.page.getByText('This link doesn’t open the room any more').waitFor();

    const expiring = await world.server.roomToken('a', 'write', 1);
    const late = await world.visit('about:blank');
    await expect.poll(() => isOver(expiring)).toBe(true);
    await late.page.goto(world.roomUrl('a', expiring));
    await late.page.getByText('This link doesn’t open the room any more').waitFor();
    await late.page.getByLabel('Token').fill(await world.server.roomToken('a'));
    await late.page.getByRole('button', { name: 'Continue' }).click();
    await late.text.waitFor();

    const other = await world.visit(world.roomUrl('a', await world.server.roomToken('b')));
    await other.page.getByText('Your link is for another room').waitFor();
  });

  test('a link for reading shows the room, and lets nobody write', async () => {
    const writer = await world.visit(world.roomUrl('news', await world.server.roomToken('news')));
    await writer.text.waitFor();
    await writer.write('for all to read');
    const token = await world.server.roomToken('news', 'read');
    const reader = await world.visit(world.roomUrl('news', token));
    await reader.reads('for all to read');
    await reader.page.getByText('Read only').waitFor();
    expect(await reader.text.getAttribute('contenteditable')).toBe('false');
    expect(await reader.page.getByRole('toolbar').count()).toBe(0);
    await writer.write(' at once');
    await reader.reads('for all to read at once');
  });

  test('a server that is down, and comes back', async () => {
    const home = await world.owner();
    await home.button('Start a room').waitFor();
    const guest = await world.visit(world.roomUrl('here', await world.server.roomToken('here')));
    await guest.text.waitFor();
    await world.server.stop();
    await home.button('Start a room').click();
    await home.page.getByText('Kraken doesn’t answer').first().waitFor();

    // Within the page that is there: there is nobody to send another.
    await guest.page.goto(world.roomUrl('gone', 'any'));
    await guest.page.getByRole('heading', { name: 'Kraken doesn’t answer' }).waitFor();
    await world.server.start();
    const token = await world.server.roomToken('gone');
    await guest.page.goto(world.roomUrl('gone', token));
    await guest.text.waitFor();
  });

  test('a full server says so, and lets people in once there is space', async () => {
    const limit = (connections: number) =>
      world.server.api('PATCH', '/apps/default', { limits: { connections } });
    await limit(1);
    const url = world.roomUrl('full', await world.server.roomToken('full'));
    const first = await world.visit(url);
    await first.text.waitFor();
    const second = await world.visit(url);
    await second.page.getByText(/can’t take anybody in right now/).waitFor();
    await limit(100);
    await second.text.waitFor();
  });

  // At the node its login lets the owner in from any address.
  test.runIf(way === 'gateway')('a page whose address belongs to no app: the owner lets it in', async () => {
    const { allowed_origins } = await world.server.api<{ allowed_origins: string[] }>(
      'GET',
      '/apps/default',
    );
    await world.server.api('PATCH', '/apps/default', {
      allowed_origins: ['https://elsewhere.example'],
    });
    const guest = await world.visit(world.roomUrl('far', await world.server.roomToken('far')));
    await guest.page.getByText('This address isn’t registered').waitFor();
    const owner = await world.owner();
    await owner.button('Start a room').click();
    await owner.button('Let pages of this address in').click();
    await owner.text.waitFor();
    await world.server.api('PATCH', '/apps/default', { allowed_origins });
  });

  test.runIf(way === 'node')('a node that lets in its owner only, until the owner says otherwise', async () => {
    const guests = (on: boolean) =>
      world.server.api('PATCH', '/settings', { tickets_for_everyone: on });
    await guests(false);
    const token = await world.server.roomToken('den');
    const guest = await world.visit(world.roomUrl('den', token));
    await guest.page.getByText('This node lets only its owner in').waitFor();
    await guests(true);
    await guest.button('Try again').click();
    await guest.text.waitFor();

    const wrong = await world.visit(world.roomUrl('den', 'wrong'));
    await wrong.page.getByText('This link doesn’t open the room any more').waitFor();
    const other = await world.visit(world.roomUrl('lair', token));
    await other.page.getByText('Your link is for another room').waitFor();
  });

  test('an address that leads nowhere', async () => {
    const { page } = await world.visit(`${world.url()}#/nowhere`);
    await page.getByText('There is nothing here').waitFor();
    await page.getByRole('link', { name: 'Go home' }).click();
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByLabel('or enter one').fill('https://example.com/x');
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.getByText('doesn’t lead to a room').waitFor();
  });
});

function isOver(token: string): boolean {
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    exp: number;
  };
  return Date.now() / 1000 > exp;
}
