/** How well a connection does. `unknown` until there is something to go by. */
export type Quality = 'unknown' | 'good' | 'fair' | 'poor';

/** What browsers count since a connection began. */
export interface Counts {
  received: number;
  lost: number;
  freezes: number;
  /** Seconds to the server and back; null if that isn't known. */
  roundTrip: number | null;
  /** Whether something is sent less well than it could be, for want of bandwidth. */
  isLimited: boolean;
}

interface Bounds {
  roundTrip: number;
  lost: number;
}

const POOR: Bounds = { roundTrip: 0.6, lost: 0.08 };
const FAIR: Bounds = { roundTrip: 0.3, lost: 0.02 };

export const NO_COUNTS: Counts = {
  received: 0,
  lost: 0,
  freezes: 0,
  roundTrip: null,
  isLimited: false,
};

/** What has happened since the last look, and whether something that is wanted isn't sent. */
export function qualityOf(before: Counts, now: Counts, isStarved: boolean): Quality {
  const lost = Math.max(0, now.lost - before.lost);
  const received = Math.max(0, now.received - before.received);
  const share = lost === 0 ? 0 : lost / (lost + received);
  const exceeds = (bounds: Bounds) =>
    share > bounds.lost || (now.roundTrip ?? 0) > bounds.roundTrip;
  if (isStarved || exceeds(POOR)) return 'poor';
  if (now.isLimited || exceeds(FAIR)) return 'fair';
  return now.roundTrip === null && received === 0 ? 'unknown' : 'good';
}

/** The few of a browser's statistics that count here. */
interface Stats {
  type: string;
  kind?: string;
  packetsReceived?: number;
  packetsLost?: number;
  freezeCount?: number;
  nominated?: boolean;
  currentRoundTripTime?: number;
  qualityLimitationReason?: string;
}

export function countsOf(report: Iterable<unknown>): Counts {
  const counts = { ...NO_COUNTS };
  for (const stats of report as Iterable<Stats>) {
    if (stats.type === 'inbound-rtp') {
      counts.received += stats.packetsReceived ?? 0;
      counts.lost += stats.packetsLost ?? 0;
      counts.freezes += stats.freezeCount ?? 0;
    } else if (stats.type === 'outbound-rtp') {
      counts.isLimited ||= stats.qualityLimitationReason === 'bandwidth';
    } else if (stats.type === 'candidate-pair' && stats.nominated === true) {
      counts.roundTrip = stats.currentRoundTripTime ?? counts.roundTrip;
    }
  }
  return counts;
}
