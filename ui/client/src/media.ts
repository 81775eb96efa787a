import { KrakenError, messageOf } from './errors.js';
import type { MediaOptions } from './events.js';

export type MediaKind = 'video' | 'audio';

const KINDS: readonly MediaKind[] = ['video', 'audio'];

/**
 * The user's camera, microphone and screen, opened when first wanted and shared by all calls.
 * Whatever was opened here is closed by `release`.
 */
export class LocalMedia {
  readonly #onStream: (stream: MediaStream | null) => void;
  readonly #muted = new Set<MediaKind>();
  #stream: MediaStream | null = null;
  #screen: MediaStreamTrack | null = null;
  /** One at a time, so that two calls don't open the same camera twice. */
  #acquiring: Promise<unknown> = Promise.resolve();

  constructor(onStream: (stream: MediaStream | null) => void) {
    this.#onStream = onStream;
  }

  get stream(): MediaStream | null {
    return this.#stream;
  }

  get screen(): MediaStreamTrack | null {
    return this.#screen;
  }

  /** The tracks of the kinds that are wanted. */
  acquire(options: MediaOptions): Promise<MediaStreamTrack[]> {
    const acquired = this.#acquiring.then(() => this.#acquire(options));
    this.#acquiring = acquired.catch(() => undefined);
    return acquired;
  }

  mute(kind: MediaKind, on: boolean): void {
    if (on) this.#muted.add(kind);
    else this.#muted.delete(kind);
    const track = this.#track(kind);
    if (track !== undefined) track.enabled = !on;
  }

  async captureScreen(onEnded: () => void): Promise<MediaStreamTrack> {
    const captured = await devices()
      .getDisplayMedia({ video: true })
      .catch((cause: unknown) => {
        throw new KrakenError('media', `no screen: ${messageOf(cause)}`, { cause });
      });
    const [screen] = captured.getVideoTracks();
    if (screen === undefined) throw new KrakenError('media', 'no screen: it has no picture');
    this.#screen?.stop();
    this.#screen = screen;
    screen.onended = onEnded;
    return screen;
  }

  stopScreen(): void {
    this.#screen?.stop();
    this.#screen = null;
  }

  release(): void {
    this.stopScreen();
    if (this.#stream === null) return;
    for (const track of this.#stream.getTracks()) track.stop();
    this.#stream = null;
    this.#onStream(null);
  }

  async #acquire({ video = true, audio = true }: MediaOptions): Promise<MediaStreamTrack[]> {
    const wanted = { video, audio };
    const kinds = KINDS.filter((kind) => wanted[kind] !== false);
    await this.#open(
      kinds.filter((kind) => this.#track(kind) === undefined),
      wanted,
    );
    return kinds.map((kind) => this.#track(kind)).filter((track) => track !== undefined);
  }

  async #open(missing: readonly MediaKind[], wanted: Required<MediaOptions>): Promise<void> {
    if (missing.length === 0) return;
    const constraints = Object.fromEntries(missing.map((kind) => [kind, wanted[kind]]));
    const opened = await devices()
      .getUserMedia(constraints)
      .catch((cause: unknown) => {
        throw new KrakenError('media', `no ${missing.join(' and ')}: ${messageOf(cause)}`, {
          cause,
        });
      });
    this.#adopt(opened.getTracks());
  }

  /** The stream is a new one, so that whoever compares notices. */
  #adopt(tracks: readonly MediaStreamTrack[]): void {
    const live = this.#stream?.getTracks().filter(isLive) ?? [];
    this.#stream = new MediaStream([...live, ...tracks]);
    for (const kind of this.#muted) this.mute(kind, true);
    this.#onStream(this.#stream);
  }

  #track(kind: MediaKind): MediaStreamTrack | undefined {
    return this.#stream?.getTracks().find((track) => track.kind === kind && isLive(track));
  }
}

/** A camera that was unplugged leaves a track that is no longer live. */
function isLive({ readyState }: MediaStreamTrack): boolean {
  return readyState === 'live';
}

function devices(): MediaDevices {
  // Browsers hide the devices from pages that others could have changed on their way.
  const { mediaDevices } = navigator as Partial<Navigator>;
  if (mediaDevices === undefined) {
    throw new KrakenError('media', 'the page must be from https:// or localhost to use devices');
  }
  return mediaDevices;
}
