import { here } from '../place.ts';
import { ApiError } from './errors.ts';
import { post } from './request.ts';

/** Whether a token opens any room of the app whose page this is. */
export async function acceptsGuest(token: string): Promise<boolean> {
  try {
    await post(here, 'api/tickets', token, {});
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // Good for some rooms, or for sockets only: that shows once a room is entered.
    if (['room_not_allowed', 'tickets_off'].includes(error.code)) return true;
    if (error.status === 401 || error.status === 403) return false;
    throw error;
  }
}
