import { countsOf, NO_COUNTS, qualityOf } from './quality.js';
import type { Quality } from './quality.js';

const LOOK_MS = 2_500;
/** Freezes are reported with every so many looks. */
const LOOKS_PER_REPORT = 4;

export interface WatchOptions {
  /** Null while there is none. */
  connection(): RTCPeerConnection | null;
  /** Whether something that is wanted isn't sent. */
  isStarved(): boolean;
  onQuality(quality: Quality): void;
  onFreezes(freezes: number): void;
}

/** Looks now and then how a connection does. */
export class Watch {
  readonly #options: WatchOptions;
  #timer: ReturnType<typeof setInterval> | undefined;
  #before = NO_COUNTS;
  #seen: RTCPeerConnection | null = null;
  #looks = 0;
  #freezes = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#seen = null;
    this.#freezes = 0;
  }

  async #look(): Promise<void> {
    const connection = this.#options.connection();
    if (connection?.connectionState !== 'connected') {
      this.#options.onQuality('unknown');
      return;
    }
    const report = await connection.getStats();
    if (this.#timer === undefined) return;
    const now = countsOf(report.values());
    const before = this.#seen === connection ? this.#before : now;
    this.#seen = connection;
    this.#before = now;
    this.#freezes += Math.max(0, now.freezes - before.freezes);
    this.#options.onQuality(qualityOf(before, now, this.#options.isStarved()));
    this.#report();
  }

  #report(): void {
    this.#looks += 1;
    if (this.#looks % LOOKS_PER_REPORT !== 0 || this.#freezes === 0) return;
    this.#options.onFreezes(this.#freezes);
    this.#freezes = 0;
  }
}
