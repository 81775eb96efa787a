import { KrakenError } from '@kraken/client';
import { messageOf } from '../../api/errors.ts';

/** Whether there simply is no engine, without which people call each other directly. */
export function hasNoEngine(error: unknown): boolean {
  const reason = error instanceof KrakenError ? error.reason : undefined;
  return reason === 'no_engine' || reason === 'no_answer';
}

/** Whether it is this side's own doing. */
export function isOwnDoing(error: unknown): boolean {
  return error instanceof KrakenError && error.code === 'disconnected';
}

const EXPLANATIONS: ReadonlyMap<string, string> = new Map([
  ['locked', 'The call is locked. Ask somebody who is in it to unlock it, then join again.'],
  ['removed', 'You were removed from the call.'],
  ['replaced', 'You joined the call somewhere else, so it has ended here.'],
  ['full', 'The call is full. Join again once somebody has left.'],
  ['overloaded', 'The server has no room for another call right now. Try again in a minute.'],
  [
    'too_many_publishers',
    'As many people as may speak in this call do so already. You can listen.',
  ],
  ['not_allowed', 'Your link doesn’t allow this. Ask the owner of the room for another one.'],
]);

/** Why one isn't in the call, or not any more, and what to do about it. */
export function explainCall(error: unknown): string {
  const reason = error instanceof KrakenError ? error.reason : undefined;
  return EXPLANATIONS.get(reason ?? '') ?? `The call has a problem. ${messageOf(error)}`;
}
