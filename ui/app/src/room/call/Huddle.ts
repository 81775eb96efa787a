import type { CallEndReason, DeviceChoice, KrakenClient, KrakenEvent } from '@kraken/client';
import type { Awareness } from 'y-protocols/awareness';
import { messageOf } from '../../api/errors.ts';
import { safeColor, safeName } from '../../person.ts';
import { explainDevices, isDeviceError, mediaOf, openDevices } from './devices.ts';
import type { JoinOptions } from './devices.ts';
import { readPresence } from './presence.ts';
import type { CallPresence } from './presence.ts';

export interface Participant {
  peerId: string;
  name: string;
  color: string;
  audio: boolean;
  video: boolean;
  screen: boolean;
  /** `failed`: there is no way between the two; it can be tried again. */
  link: 'connecting' | 'connected' | 'failed';
  stream: MediaStream | null;
}

export interface HuddleState {
  phase: 'out' | 'joining' | 'in';
  /** Whoever else is in the call. */
  participants: readonly Participant[];
  audio: boolean;
  video: boolean;
  screen: boolean;
  /** What others get to see and hear, or would. */
  localStream: MediaStream | null;
  error: string | null;
}

const OUT = { phase: 'out', audio: true, video: false, screen: false } as const;

/**
 * The call of a room: one that people walk into and out of, with nothing that rings. Everybody in
 * it is called by those who came later.
 */
export class Huddle {
  readonly #client: KrakenClient;
  readonly #awareness: Awareness;
  readonly #listeners = new Set<() => void>();
  readonly #calling = new Set<string>();
  readonly #failed = new Set<string>();
  #options: JoinOptions | null = null;
  #devices: DeviceChoice = {};
  #since = 0;
  /** Tells a join whether another one, or a leave, has come after it. */
  #joins = 0;
  /** The camera while nobody else is there to see it. */
  #preview: MediaStream | null = null;
  #state: HuddleState;

  constructor(client: KrakenClient, awareness: Awareness) {
    this.#client = client;
    this.#awareness = awareness;
    this.#state = { ...OUT, participants: [], localStream: null, error: null };
  }

  get state(): HuddleState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Follows the room until the returned function is called, which also leaves the call. */
  watch(): () => void {
    const off = this.#client.on(this.#heard);
    this.#awareness.on('change', this.#look);
    this.#look();
    return () => {
      this.leave();
      off();
      this.#awareness.off('change', this.#look);
    };
  }

  /** Opens the devices, so that a browser asks for them now, and calls whoever is there. */
  async join(options: JoinOptions): Promise<void> {
    if (this.#state.phase !== 'out') return;
    this.#update({ phase: 'joining', error: null });
    this.#joins += 1;
    const join = this.#joins;
    let preview: MediaStream | null;
    try {
      preview = await openDevices(options, this.#devices);
    } catch (error) {
      if (join === this.#joins) this.#update({ phase: 'out', error: explainDevices(error) });
      return;
    }
    if (join !== this.#joins) {
      close(preview);
      return;
    }
    this.#preview = preview;
    this.#options = options;
    this.#since = Date.now();
    this.#client.mute('audio', false);
    this.#client.mute('video', false);
    const { audio, video } = options;
    this.#update({ phase: 'in', audio, video, screen: false });
    this.#publish();
    this.#look();
  }

  leave(): void {
    if (this.#state.phase === 'out') return;
    this.#joins += 1;
    this.#options = null;
    this.#client.hangup();
    this.#closePreview();
    this.#calling.clear();
    this.#failed.clear();
    if (this.#awareness.getLocalState() !== null) {
      this.#awareness.setLocalStateField('call', null);
    }
    this.#update({ ...OUT, localStream: null, error: null });
    this.#look();
  }

  setAudio(on: boolean): void {
    if (on && this.#options?.audio === false) {
      void this.#rejoin({ audio: true });
      return;
    }
    this.#client.mute('audio', !on);
    this.#mutePreview('audio', on);
    this.#update({ audio: on });
    this.#publish();
  }

  setVideo(on: boolean): void {
    if (on && this.#options?.video === false) {
      void this.#rejoin({ video: true });
      return;
    }
    this.#client.mute('video', !on);
    this.#mutePreview('video', on);
    this.#update({ video: on });
    this.#publish();
  }

  /** Another camera or microphone, from now on. */
  async use(devices: DeviceChoice): Promise<void> {
    try {
      await this.#client.setDevices(devices);
      this.#devices = { ...this.#devices, ...devices };
      if (this.#preview !== null) await this.#openPreview();
      this.#update({ error: null });
    } catch (error) {
      this.#update({ error: explainDevices(error) });
    }
    this.#look();
  }

  async setScreen(on: boolean): Promise<void> {
    try {
      if (on) await this.#client.shareScreen();
      else await this.#client.stopSharing();
      this.#update({ screen: on, error: null });
    } catch (error) {
      this.#update({ screen: false, error: `The screen can’t be shared. ${messageOf(error)}` });
    }
    this.#publish();
  }

  tryAgain(peerId: string): void {
    this.#failed.delete(peerId);
    this.#call(peerId);
  }

  /** What a call was begun with can't be added to it, so it is begun anew. */
  async #rejoin(change: Partial<JoinOptions>): Promise<void> {
    if (this.#options === null) return;
    const before = { ...this.#options };
    const { audio, video } = this.#state;
    this.leave();
    await this.join({ ...before, ...change });
    // Whoever was silent, or unseen, stays so.
    if (before.audio && !audio) this.setAudio(false);
    if (before.video && !video) this.setVideo(false);
  }

  readonly #heard = (event: KrakenEvent): void => {
    switch (event.type) {
      case 'call-incoming':
        this.#answer(event.from.peerId);
        break;
      case 'call-established':
        this.#failed.delete(event.peerId);
        break;
      case 'call-ended':
        this.#ended(event.peerId, event.reason);
        break;
      case 'local-stream':
        if (event.stream !== null) this.#closePreview();
        else void this.#openPreview().catch(() => undefined);
        break;
      case 'call-accepted':
      case 'peers':
      case 'peer-joined':
      case 'peer-left':
      case 'message':
      case 'status':
      case 'error':
        break;
    }
    this.#look();
  };

  #answer(peerId: string): void {
    if (this.#options === null) this.#client.reject(peerId);
    else this.#client.accept(peerId, mediaOf(this.#options)).catch(this.#callFailed);
  }

  #ended(peerId: string, reason: CallEndReason): void {
    if (reason === 'failed') this.#failed.add(peerId);
    if (this.#client.remoteStreams.size === 0 && this.#state.screen) {
      this.#update({ screen: false });
      this.#publish();
    }
  }

  readonly #callFailed = (error: unknown): void => {
    // That somebody left meanwhile is no failure.
    if (this.#options !== null && isDeviceError(error)) {
      this.#update({ error: explainDevices(error) });
    }
  };

  /** Takes in who is in the call, and calls whom this client has to call. */
  readonly #look = (): void => {
    const participants = this.#participants();
    const localStream = this.#client.localStream ?? this.#preview;
    this.#update({ participants, localStream });
    if (this.#options === null) return;
    for (const { peerId, link } of participants) {
      if (link === 'connecting' && this.#isMyTurn(peerId)) this.#call(peerId);
    }
  };

  #call(peerId: string): void {
    const isThere = this.#client.peers.some((peer) => peer.peerId === peerId);
    if (this.#options === null || !isThere || this.#calling.has(peerId)) return;
    this.#calling.add(peerId);
    this.#client
      .call(peerId, mediaOf(this.#options))
      .catch(this.#callFailed)
      .finally(() => {
        this.#calling.delete(peerId);
        this.#look();
      });
  }

  /** Of two, exactly one calls: whoever came in later. */
  #isMyTurn(peerId: string): boolean {
    const other = this.#present().find(({ call }) => call.peerId === peerId)?.call;
    if (other === undefined) return false;
    if (other.since !== this.#since) return other.since < this.#since;
    return other.peerId < this.#client.peerId;
  }

  #participants(): Participant[] {
    return this.#present().map(({ name, color, call }) => {
      const { peerId, audio, video, screen } = call;
      const stream = this.#client.remoteStreams.get(peerId) ?? null;
      const link =
        stream !== null ? 'connected' : this.#failed.has(peerId) ? 'failed' : 'connecting';
      return { peerId, name, color, audio, video, screen, stream, link };
    });
  }

  #present(): { name: string; color: string; call: CallPresence }[] {
    const present = [];
    for (const [client, state] of this.#awareness.getStates()) {
      const call = readPresence(state['call']);
      if (client === this.#awareness.clientID || call === null) continue;
      const { name, color } = (state['user'] ?? {}) as { name?: unknown; color?: unknown };
      present.push({ name: safeName(name), color: safeColor(color), call });
    }
    return present;
  }

  #publish(): void {
    const { phase, audio, video, screen } = this.#state;
    if (phase !== 'in') return;
    const { peerId } = this.#client;
    const call: CallPresence = { peerId, since: this.#since, audio, video, screen };
    this.#awareness.setLocalStateField('call', call);
  }

  /** Shows the user what others would see, for as long as nobody does. */
  async #openPreview(): Promise<void> {
    this.#closePreview();
    const options = this.#options;
    if (options === null) return;
    const preview = await openDevices(options, this.#devices);
    this.#closePreview();
    this.#preview = preview;
    this.#mutePreview('audio', this.#state.audio);
    this.#mutePreview('video', this.#state.video);
    // Meanwhile there may be a call again, or none that anybody wants.
    if (this.#client.localStream !== null || this.#options !== options) this.#closePreview();
    this.#look();
  }

  #mutePreview(kind: 'audio' | 'video', on: boolean): void {
    for (const track of this.#preview?.getTracks() ?? []) {
      if (track.kind === kind) track.enabled = on;
    }
  }

  #closePreview(): void {
    close(this.#preview);
    this.#preview = null;
  }

  #update(change: Partial<HuddleState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function close(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
