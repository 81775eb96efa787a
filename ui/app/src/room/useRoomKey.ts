import { useEffect, useRef, useState } from 'react';
import { guestToken, isNodeLogin, useOwner } from '../owner.ts';
import { mintRoomToken, rememberedToken } from '../rooms.ts';
import { go } from '../route.ts';
import { useStored } from '../stored.ts';
import { readToken } from '../token.ts';

/** What opens a room. */
export type RoomKey =
  | { state: 'waiting' }
  /** Without a token it is the login at the node that opens it. */
  | { state: 'found'; token: string | undefined }
  | { state: 'missing' }
  | { state: 'failed'; error: unknown };

/** Looks for what opens the room: the link's token, an earlier one, the tab's, or the owner's right. */
export function useRoomKey(room: string, linkToken: string | null): RoomKey {
  const owner = useOwner();
  const guest = useStored(guestToken);
  const [error, setError] = useState<unknown>(null);
  const minting = useRef(false);

  const given = linkToken ?? usable(rememberedToken(room)) ?? guest;
  const isStale = owner !== null && given !== null && usable(given) === null;
  const needsToken = owner !== null && !isNodeLogin() && (given === null || isStale);

  useEffect(() => {
    if (!needsToken || minting.current) return;
    minting.current = true;
    mintRoomToken(owner, room)
      .then(({ token }) => {
        // From here on, the address is a link that others can be sent.
        go({ page: 'room', room, token }, 'replace');
      }, setError)
      .finally(() => {
        minting.current = false;
      });
  }, [needsToken, owner, room]);

  if (isNodeLogin()) return { state: 'found', token: undefined };
  if (needsToken) return error === null ? { state: 'waiting' } : { state: 'failed', error };
  return given === null ? { state: 'missing' } : { state: 'found', token: given };
}

/** Null for a token that says itself that it has expired. */
function usable(token: string | null): string | null {
  if (token === null) return null;
  const expiresAt = readToken(token)?.expiresAt ?? Infinity;
  return expiresAt > Date.now() ? token : null;
}
