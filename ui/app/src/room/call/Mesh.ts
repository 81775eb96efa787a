import type { CallEndReason, DeviceChoice, KrakenClient, KrakenEvent } from '@kraken/client';
import { isDeviceError, mediaOf } from './devices.ts';
import type { DeviceKind, JoinOptions } from './devices.ts';

/** For how long both ways are open, so that the other side has changed over, too. */
const HANDOVER_MS = 2_000;

export interface MeshOptions {
  /** Null while this client is in no call. */
  joinedWith(): JoinOptions | null;
  /** Whether somebody who calls may come in. */
  isOpen(): boolean;
  /** Who is connected, or what is sent, is another. */
  onChange(): void;
  onLocalStream(stream: MediaStream | null): void;
  onScreen(isShared: boolean): void;
  /** A camera or microphone can't be had. */
  onDeviceError(error: unknown): void;
}

/** The direct connections of a huddle, one to each other person. */
export class Mesh {
  readonly #client: KrakenClient;
  readonly #options: MeshOptions;
  readonly #calling = new Set<string>();
  readonly #failed = new Set<string>();
  /** Connections that are about to end, by peer. */
  readonly #handovers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(client: KrakenClient, options: MeshOptions) {
    this.#client = client;
    this.#options = options;
  }

  get peerId(): string {
    return this.#client.peerId;
  }

  get localStream(): MediaStream | null {
    return this.#client.localStream;
  }

  get screen(): MediaStreamTrack | null {
    return this.#client.screen;
  }

  get isEmpty(): boolean {
    return this.#client.remoteStreams.size === 0;
  }

  watch(): () => void {
    return this.#client.on(this.#heard);
  }

  streamOf(peerId: string): MediaStream | null {
    return this.#client.remoteStreams.get(peerId) ?? null;
  }

  /** Whether there is no way to somebody: it can be tried again. */
  hasFailed(peerId: string): boolean {
    return this.#failed.has(peerId);
  }

  tryAgain(peerId: string): void {
    this.#failed.delete(peerId);
    this.call(peerId);
  }

  call(peerId: string): void {
    const options = this.#options.joinedWith();
    const isThere = this.#client.peers.some((peer) => peer.peerId === peerId);
    if (options === null || !isThere || this.#calling.has(peerId)) return;
    this.#calling.add(peerId);
    this.#client
      .call(peerId, mediaOf(options))
      .catch(this.#callFailed)
      .finally(() => {
        this.#calling.delete(peerId);
        this.#options.onChange();
      });
  }

  /** Ends the connection with somebody who is reached in another way. */
  handOver(peerId: string): void {
    if (this.#handovers.has(peerId)) return;
    const timer = setTimeout(() => {
      this.#handovers.delete(peerId);
      this.#client.hangup(peerId);
    }, HANDOVER_MS);
    this.#handovers.set(peerId, timer);
  }

  /** What is about to end goes on after all. */
  keepAll(): void {
    for (const timer of this.#handovers.values()) clearTimeout(timer);
    this.#handovers.clear();
  }

  hangUp(): void {
    this.keepAll();
    this.#client.hangup();
    this.#calling.clear();
    this.#failed.clear();
  }

  mute(kind: DeviceKind, on: boolean): void {
    this.#client.mute(kind, on);
  }

  use(devices: DeviceChoice): Promise<void> {
    return this.#client.setDevices(devices);
  }

  shareScreen(): Promise<void> {
    return this.#client.shareScreen();
  }

  stopSharing(): Promise<void> {
    return this.#client.stopSharing();
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
        this.#options.onLocalStream(event.stream);
        break;
      case 'screen':
        this.#options.onScreen(event.shared);
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
    this.#options.onChange();
  };

  #answer(peerId: string): void {
    const options = this.#options.joinedWith();
    if (options === null || !this.#options.isOpen()) this.#client.reject(peerId);
    else this.#client.accept(peerId, mediaOf(options)).catch(this.#callFailed);
  }

  #ended(peerId: string, reason: CallEndReason): void {
    if (reason === 'failed') this.#failed.add(peerId);
    if (this.isEmpty) this.#options.onScreen(false);
  }

  readonly #callFailed = (error: unknown): void => {
    // That somebody left meanwhile is no failure.
    if (this.#options.joinedWith() !== null && isDeviceError(error)) {
      this.#options.onDeviceError(error);
    }
  };
}
