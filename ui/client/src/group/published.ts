import { pending } from '../pending.js';
import type { Pending } from '../pending.js';
import type { LocalTrack } from './events.js';
import type { Source } from './protocol.js';

/** A track that this client sends, over whichever connection there is. */
export class Published {
  readonly source: Source;
  /** Settles once the server has taken it, or refused. */
  readonly accepted: Pending = pending();
  readonly #onEnded: () => void;
  #media: MediaStreamTrack;
  #isOwned: boolean;
  #isMuted = false;
  #wasMuted = false;
  #id: string | null = null;

  /** `isOwned`: opened here, so it is closed here. */
  constructor(source: Source, media: MediaStreamTrack, isOwned: boolean, onEnded: () => void) {
    this.source = source;
    this.#media = media;
    this.#isOwned = isOwned;
    this.#onEnded = onEnded;
    media.addEventListener('ended', onEnded);
  }

  get media(): MediaStreamTrack {
    return this.#media;
  }

  get isMuted(): boolean {
    return this.#isMuted;
  }

  /** Whether the server has it otherwise. */
  get isUntold(): boolean {
    return this.#isMuted !== this.#wasMuted;
  }

  /** As the server calls it; null until it does. */
  get id(): string | null {
    return this.#id;
  }

  get shown(): LocalTrack {
    return { id: this.#id, source: this.source, media: this.#media, muted: this.#isMuted };
  }

  accept(id: string): void {
    this.#id = id;
    this.accepted.resolve();
  }

  /** A new connection gives it a new name. */
  forgetId(): void {
    this.#id = null;
  }

  mute(on: boolean): void {
    this.#isMuted = on;
    this.#media.enabled = !on;
  }

  /** The server knows whether it is muted, or is just told. */
  told(): void {
    this.#wasMuted = this.#isMuted;
  }

  replace(media: MediaStreamTrack, isOwned: boolean): void {
    if (media === this.#media) return;
    this.close();
    this.#media = media;
    this.#isOwned = isOwned;
    media.addEventListener('ended', this.#onEnded);
  }

  close(): void {
    this.#media.removeEventListener('ended', this.#onEnded);
    if (this.#isOwned) this.#media.stop();
  }
}
