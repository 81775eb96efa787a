import { useEffect, useMemo, useRef } from 'react';
import type { RoomOptions } from '../address.js';
import { RoomConnection } from '../connection.js';
import type { SharedConnection } from '../participant.js';

/** Where a room is, or a connection to it. */
export type RoomSource = RoomOptions | SharedConnection;

/**
 * The given connection, or one of the component's own: another one for another `url`, `room`,
 * `via` or `app`, and always with the last token. It is open only while somebody uses it.
 */
export function useRoomConnection(source: RoomSource): RoomConnection {
  const latest = useRef(source);
  useEffect(() => {
    latest.current = source;
  });
  const shared = 'connection' in source ? source.connection : null;
  const { url, room, via, app } = 'connection' in source ? NOWHERE : source;
  return useMemo(
    () =>
      shared ??
      new RoomConnection({
        ...(source as RoomOptions),
        token: () => {
          const token = tokenOf(latest.current);
          return typeof token === 'function' ? token() : token;
        },
      }),
    // The other options count at the connection's start only.
    [shared, url, room, via, app],
  );
}

/** A token that is worth another attempt when it changes. Functions are often new with each render. */
export function tokenTextOf(source: RoomSource): string | undefined {
  const token = tokenOf(source);
  return typeof token === 'string' ? token : undefined;
}

const NOWHERE: Partial<RoomOptions> = {};

function tokenOf(source: RoomSource): RoomOptions['token'] {
  return 'connection' in source ? undefined : source.token;
}
