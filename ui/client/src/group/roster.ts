import type { CallPeer, RemoteTrack } from './events.js';
import type { Layer, Member, Track } from './protocol.js';

/** Who else is in the call, and what of their tracks is received. */
export class Roster {
  readonly #members = new Map<string, Member>();
  readonly #layers = new Map<string, Layer>();
  #media: ReadonlyMap<string, MediaStreamTrack> = new Map();

  get peers(): readonly CallPeer[] {
    return [...this.#members.values()].map((member) => this.#shown(member));
  }

  /** The names of all tracks. */
  get tracks(): string[] {
    return [...this.#members.values()].flatMap(({ tracks }) => tracks.map(({ track }) => track));
  }

  find(peerId: string): CallPeer | undefined {
    const member = this.#members.get(peerId);
    return member && this.#shown(member);
  }

  reset(members: readonly Member[]): void {
    this.#members.clear();
    for (const member of members) this.set(member);
    this.#forgetLayers();
  }

  set(member: Member): void {
    this.#members.set(member.peer, member);
    this.#forgetLayers();
  }

  remove(peerId: string): void {
    this.#members.delete(peerId);
    this.#forgetLayers();
  }

  /** Whether something that is wanted isn't sent. */
  isStarved(isWanted: (track: string) => boolean): boolean {
    return [...this.#layers.values()].some(({ track, paused }) => paused && isWanted(track));
  }

  receive(media: ReadonlyMap<string, MediaStreamTrack>): void {
    this.#media = media;
  }

  choose(layers: readonly Layer[]): void {
    const tracks = new Set(this.tracks);
    for (const layer of layers) {
      if (tracks.has(layer.track)) this.#layers.set(layer.track, layer);
    }
  }

  #forgetLayers(): void {
    const tracks = new Set(this.tracks);
    for (const track of this.#layers.keys()) {
      if (!tracks.has(track)) this.#layers.delete(track);
    }
  }

  #shown({ peer, name, metadata, tracks }: Member): CallPeer {
    return { peerId: peer, name, metadata, tracks: tracks.map((track) => this.#track(track)) };
  }

  #track({ track: id, kind, source, muted }: Track): RemoteTrack {
    const { layer = null, paused = false } = this.#layers.get(id) ?? {};
    return { id, kind, source, muted, media: this.#media.get(id) ?? null, layer, paused };
  }
}
