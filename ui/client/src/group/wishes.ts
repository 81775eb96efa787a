import type { FromClient, TrackWish } from './protocol.js';

/** Tiles that change their size do so many times in a row. */
const GATHER_MS = 150;

/** How tracks are to be received. What hasn't changed isn't said again. */
export class Wishes {
  readonly #send: (message: FromClient) => boolean;
  readonly #wishes = new Map<string, TrackWish>();
  /** Those that the server hasn't been told. */
  readonly #untold = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (message: FromClient) => boolean) {
    this.#send = send;
  }

  set(track: string, { enabled, width = 0, height = 0 }: TrackWish): void {
    const wish = { enabled, width: Math.round(width), height: Math.round(height) };
    const before = this.#wishes.get(track);
    this.#wishes.set(track, wish);
    if (JSON.stringify(before) === JSON.stringify(wish)) return;
    this.#untold.add(track);
    this.#timer ??= setTimeout(() => {
      this.#tell();
    }, GATHER_MS);
  }

  isWanted(track: string): boolean {
    return this.#wishes.get(track)?.enabled ?? true;
  }

  /** Forgets those about tracks that there are no longer. */
  keep(tracks: readonly string[]): void {
    const left = new Set(tracks);
    for (const track of this.#wishes.keys()) {
      if (left.has(track)) continue;
      this.#wishes.delete(track);
      this.#untold.delete(track);
    }
  }

  /** Says all again, to a server that may have forgotten. */
  repeat(): void {
    for (const track of this.#wishes.keys()) this.#untold.add(track);
    this.#tell();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.keep([]);
  }

  #tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const tracks = [...this.#untold].flatMap((track) => {
      const wish = this.#wishes.get(track);
      return wish === undefined ? [] : [{ track, ...wish }];
    });
    if (tracks.length > 0 && this.#send({ type: 'receive', tracks })) this.#untold.clear();
  }
}
