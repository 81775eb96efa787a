/** Streams for elements that play them: the same one for as long as its tracks are the same. */
export class Streams {
  readonly #streams = new Map<string, MediaStream>();

  /** Null for no tracks. */
  of(name: string, tracks: readonly MediaStreamTrack[]): MediaStream | null {
    if (tracks.length === 0) {
      this.#streams.delete(name);
      return null;
    }
    const before = this.#streams.get(name);
    if (before !== undefined && isMadeOf(before, tracks)) return before;
    const stream = new MediaStream([...tracks]);
    this.#streams.set(name, stream);
    return stream;
  }

  /** Forgets those whose names aren't kept. */
  keep(isKept: (name: string) => boolean): void {
    for (const name of this.#streams.keys()) {
      if (!isKept(name)) this.#streams.delete(name);
    }
  }
}

function isMadeOf(stream: MediaStream, tracks: readonly MediaStreamTrack[]): boolean {
  const parts = stream.getTracks();
  return parts.length === tracks.length && tracks.every((track) => parts.includes(track));
}
