import { KrakenError, messageOf } from '../errors.js';
import { devices, openInPlaceOf } from '../media.js';

/** What is behind a track, other than a screen. */
export type Device = 'camera' | 'microphone';

const KINDS = { camera: 'video', microphone: 'audio' } as const;

/** Which camera and microphone the user wants. */
export class Devices {
  readonly #chosen = new Map<Device, string>();

  async open(device: Device, constraints: MediaTrackConstraints): Promise<MediaStreamTrack> {
    const opened = await devices()
      .getUserMedia(request(device, constraints, this.#chosen.get(device)))
      .catch((cause: unknown) => fail(device, cause));
    const [track] = opened.getTracks();
    return track ?? fail(device, 'it has no track');
  }

  /** Another one in place of an open one. If it can't be had the choice is as it was. */
  async reopen(device: Device, id: string, old: MediaStreamTrack): Promise<MediaStreamTrack> {
    const wanted = request(device, old.getConstraints(), id);
    const next = await openInPlaceOf(old, wanted).catch((cause: unknown) => fail(device, cause));
    this.choose(device, id);
    return next;
  }

  /** The one to open from now on. */
  choose(device: Device, id: string): void {
    this.#chosen.set(device, id);
  }
}

function request(
  device: Device,
  constraints: MediaTrackConstraints,
  id: string | undefined,
): MediaStreamConstraints {
  const wanted = id === undefined ? constraints : { ...constraints, deviceId: { exact: id } };
  return { [KINDS[device]]: Object.keys(wanted).length === 0 ? true : wanted };
}

/** A screen of the user's choice, with what it plays if the browser can. */
export async function openScreen(options: DisplayMediaStreamOptions): Promise<MediaStream> {
  return devices()
    .getDisplayMedia(options)
    .catch((cause: unknown) => fail('screen', cause));
}

function fail(what: string, cause: unknown): never {
  throw new KrakenError('media', `no ${what}: ${messageOf(cause)}`, { cause });
}
