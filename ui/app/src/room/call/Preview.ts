import type { DeviceChoice } from '@kraken/client';
import { openDevices } from './devices.ts';
import type { JoinOptions } from './devices.ts';

/** The user's camera and microphone while there is nobody else to see or hear them. */
export class Preview {
  #stream: MediaStream | null = null;
  /** Tells an opening whether another one, or a close, has come after it. */
  #openings = 0;

  get stream(): MediaStream | null {
    return this.#stream;
  }

  /** False if it isn't wanted any more by the time it is open. */
  async open(options: JoinOptions, devices: DeviceChoice): Promise<boolean> {
    this.close();
    const opening = this.#openings;
    const stream = await openDevices(options, devices);
    if (opening !== this.#openings) {
      stop(stream);
      return false;
    }
    this.#stream = stream;
    return true;
  }

  mute(kind: 'audio' | 'video', isMuted: boolean): void {
    for (const track of this.#stream?.getTracks() ?? []) {
      if (track.kind === kind) track.enabled = !isMuted;
    }
  }

  close(): void {
    this.#openings += 1;
    stop(this.#stream);
    this.#stream = null;
  }
}

function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
