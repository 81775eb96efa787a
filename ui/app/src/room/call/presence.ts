import type { Quality } from '@kraken/client/call';

/** What somebody in the call shows of it, in the awareness of the room's document. */
export interface CallPresence {
  peerId: string;
  /** When they came in, by their own clock. */
  since: number;
  audio: boolean;
  video: boolean;
  screen: boolean;
  /** Whether they are reached through the server's engine. */
  group: boolean;
  /** How well their connection to it does. */
  quality: Quality;
}

const QUALITIES: readonly Quality[] = ['unknown', 'good', 'fair', 'poor'];

/** What others say of themselves may be anything. */
export function readPresence(value: unknown): CallPresence | null {
  const fields = (value ?? {}) as Record<string, unknown>;
  const { peerId, since, audio, video, screen, group } = fields;
  if (typeof peerId !== 'string' || typeof since !== 'number') return null;
  return {
    peerId,
    since,
    audio: audio === true,
    video: video === true,
    screen: screen === true,
    group: group === true,
    quality: QUALITIES.find((quality) => quality === fields['quality']) ?? 'unknown',
  };
}
