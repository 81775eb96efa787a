/** What somebody in the call shows of it, in the awareness of the room's document. */
export interface CallPresence {
  peerId: string;
  /** When they came in, by their own clock. */
  since: number;
  audio: boolean;
  video: boolean;
  screen: boolean;
}

/** What others say of themselves may be anything. */
export function readPresence(value: unknown): CallPresence | null {
  const { peerId, since, audio, video, screen } = (value ?? {}) as Record<string, unknown>;
  if (typeof peerId !== 'string' || typeof since !== 'number') return null;
  return { peerId, since, audio: audio === true, video: video === true, screen: screen === true };
}
