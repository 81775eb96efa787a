import { guestToken, recogniseNodeLogin, signIn } from './owner.ts';
import { keepPerson } from './person.ts';
import { go, parseCredentials } from './route.ts';

/**
 * Takes what the address brings along, and takes it out of the address: whoever looks over a
 * shoulder, or gets the address sent, has no admin token by it.
 * @returns why the address' admin token isn't good, or null
 */
export async function start(): Promise<unknown> {
  keepPerson();
  const { admin, token } = parseCredentials(location.hash);
  if (admin === null && token === null) {
    await recogniseNodeLogin().catch(() => undefined);
    return null;
  }
  go({ page: 'home' }, 'replace');
  if (token !== null) guestToken.set(token);
  if (admin === null) return null;
  return signIn(admin).then(
    () => null,
    (error: unknown) => error,
  );
}
