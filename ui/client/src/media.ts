import { KrakenError, messageOf } from './errors.js';
import type { MediaOptions } from './events.js';

export type MediaKind = 'video' | 'audio';

/** Which camera and microphone, by the `deviceId` of what `listDevices` gives. */
export interface DeviceChoice {
  audioInput?: string;
  videoInput?: string;
}

/** One track in place of another. */
export interface Replacement {
  old: MediaStreamTrack;
  next: MediaStreamTrack;
}

const KINDS: readonly MediaKind[] = ['video', 'audio'];

/**
 * The user's camera, microphone and screen, opened when first wanted and shared by all calls.
 * Whatever was opened here is closed by `release`.
 */
export class LocalMedia {
  readonly #onStream: (stream: MediaStream | null) => void;
  readonly #muted = new Set<MediaKind>();
  readonly #devices = new Map<MediaKind, string>();
  /** What the open devices were asked for with. */
  readonly #constraints = new Map<MediaKind, MediaTrackConstraints>();
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

  /** Uses these devices from now on. Those that are open are replaced, and `apply` is told of each. */
  choose(
    { audioInput, videoInput }: DeviceChoice,
    apply: (replacement: Replacement) => Promise<void>,
  ): Promise<void> {
    const chosen = this.#acquiring.then(async () => {
      if (audioInput !== undefined) await this.#choose('audio', audioInput, apply);
      if (videoInput !== undefined) await this.#choose('video', videoInput, apply);
    });
    this.#acquiring = chosen.catch(() => undefined);
    return chosen;
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
    for (const kind of missing) this.#constraints.set(kind, asConstraints(wanted[kind]));
    const opened = await devices()
      .getUserMedia(Object.fromEntries(missing.map((kind) => [kind, this.#request(kind)])))
      .catch((cause: unknown) => {
        throw new KrakenError('media', `no ${missing.join(' and ')}: ${messageOf(cause)}`, {
          cause,
        });
      });
    this.#adopt(opened.getTracks());
  }

  /** What to ask for, with the device that was chosen. */
  #request(kind: MediaKind): MediaTrackConstraints | true {
    const device = this.#devices.get(kind);
    const constraints = { ...this.#constraints.get(kind) };
    if (device !== undefined) constraints.deviceId = { exact: device };
    return Object.keys(constraints).length === 0 ? true : constraints;
  }

  async #choose(
    kind: MediaKind,
    device: string,
    apply: (replacement: Replacement) => Promise<void>,
  ): Promise<void> {
    const before = this.#devices.get(kind);
    this.#devices.set(kind, device);
    const old = this.#track(kind);
    if (old === undefined) return;
    const wanted = { [kind]: this.#request(kind) };
    const next = await openInPlaceOf(old, wanted).catch((cause: unknown) => {
      if (before === undefined) this.#devices.delete(kind);
      else this.#devices.set(kind, before);
      throw new KrakenError('media', `no such ${kind}: ${messageOf(cause)}`, { cause });
    });
    const isUnused = this.#stream?.getTracks().includes(old) !== true;
    if (isUnused) {
      next.stop();
      return;
    }
    this.#adopt([next], old);
    await apply({ old, next });
    old.stop();
  }

  /** The stream is a new one, so that whoever compares notices. */
  #adopt(tracks: readonly MediaStreamTrack[], replaced?: MediaStreamTrack): void {
    const live = this.#stream?.getTracks().filter((track) => isLive(track) && track !== replaced);
    this.#stream = new MediaStream([...(live ?? []), ...tracks]);
    for (const kind of this.#muted) this.mute(kind, true);
    this.#onStream(this.#stream);
  }

  #track(kind: MediaKind): MediaStreamTrack | undefined {
    return this.#stream?.getTracks().find((track) => track.kind === kind && isLive(track));
  }
}

/** A phone opens one camera at a time; so what can't be had may be had once the old one is closed. */
export async function openInPlaceOf(
  old: MediaStreamTrack,
  wanted: MediaStreamConstraints,
): Promise<MediaStreamTrack> {
  const open = () => devices().getUserMedia(wanted);
  const opened = await open().catch((cause: unknown) => {
    if ((cause as Partial<Error>).name !== 'NotReadableError') throw cause;
    old.stop();
    return open();
  });
  const [track] = opened.getTracks();
  if (track === undefined) throw new Error('it has no track');
  return track;
}

/** Cameras, microphones and loudspeakers. They have names once the user has allowed their use. */
export function listDevices(): Promise<MediaDeviceInfo[]> {
  return devices().enumerateDevices();
}

function asConstraints(wanted: boolean | MediaTrackConstraints): MediaTrackConstraints {
  return typeof wanted === 'boolean' ? {} : wanted;
}

/** A camera that was unplugged leaves a track that is no longer live. */
function isLive({ readyState }: MediaStreamTrack): boolean {
  return readyState === 'live';
}

export function devices(): MediaDevices {
  // Browsers hide the devices from pages that others could have changed on their way.
  const { mediaDevices } = navigator as Partial<Navigator>;
  if (mediaDevices === undefined) {
    throw new KrakenError('media', 'the page must be from https:// or localhost to use devices');
  }
  return mediaDevices;
}
