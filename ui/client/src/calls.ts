import { Call } from './call.js';
import { KrakenError, messageOf } from './errors.js';
import type { CallEndReason, IncomingCall, KrakenEvent, MediaOptions } from './events.js';
import { LocalMedia } from './media.js';
import type { DeviceChoice, MediaKind } from './media.js';
import { randomId } from './participant.js';
import { SignalType } from './protocol.js';
import type { CallSignal, OfferSignal, Peer } from './protocol.js';

export interface CallsOptions {
  /** This side's own. */
  peerId: string;
  createConnection(): RTCPeerConnection;
  isConnected(): boolean;
  /** A peer that is in the room, as it calls itself now. */
  findPeer(peerId: string): Peer | undefined;
  send(signal: CallSignal & { to: string }): void;
  emit(event: KrakenEvent): void;
}

/** All calls of one participant, at most one with each peer, and the devices that they share. */
export class Calls {
  readonly #options: CallsOptions;
  readonly #media: LocalMedia;
  readonly #calls = new Map<string, Call>();
  #incoming: readonly IncomingCall[] = [];
  #remoteStreams: ReadonlyMap<string, MediaStream> = new Map();

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#media = new LocalMedia((stream) => {
      options.emit({ type: 'local-stream', stream });
    });
  }

  get incoming(): readonly IncomingCall[] {
    return this.#incoming;
  }

  get remoteStreams(): ReadonlyMap<string, MediaStream> {
    return this.#remoteStreams;
  }

  get localStream(): MediaStream | null {
    return this.#media.stream;
  }

  get screen(): MediaStreamTrack | null {
    return this.#media.screen;
  }

  /** A peer that is calling this side already is answered. */
  async call(peerId: string, options: MediaOptions): Promise<void> {
    const existing = this.#calls.get(peerId);
    if (existing?.isWaiting === true) return this.accept(peerId, options);
    if (existing !== undefined) return existing.established;
    if (!this.#options.isConnected()) {
      throw new KrakenError('not-connected', 'there is no connection to call over');
    }
    const peer = this.#options.findPeer(peerId);
    if (peer === undefined) {
      throw new KrakenError('call-ended', `${peerId} isn't in the room`);
    }
    return this.#start(this.#newCall(peer, randomId(), 'outgoing'), options);
  }

  async accept(peerId: string, options: MediaOptions): Promise<void> {
    const call = this.#calls.get(peerId);
    if (call === undefined) throw new KrakenError('no-call', `${peerId} isn't calling`);
    if (!call.markAccepted()) return call.established;
    this.#forgetIncoming(peerId);
    this.#options.emit({ type: 'call-accepted', peerId, peer: this.#peerOf(call) });
    return this.#start(call, options);
  }

  reject(peerId: string): void {
    const call = this.#calls.get(peerId);
    if (call?.isWaiting === true) call.reject();
  }

  hangUp(peerId?: string): void {
    for (const call of this.#all()) {
      if (peerId === undefined || call.peer.peerId === peerId) call.hangUp();
    }
  }

  mute(kind: MediaKind, on: boolean): void {
    this.#media.mute(kind, on);
  }

  setDevices(choice: DeviceChoice): Promise<void> {
    return this.#media.choose(choice, async (replacement) => {
      await Promise.all(this.#all().map((call) => call.replaceTrack(replacement)));
    });
  }

  async shareScreen(): Promise<void> {
    if (this.#calls.size === 0) throw new KrakenError('no-call', 'there is no call to share with');
    const screen = await this.#media.captureScreen(() => void this.stopSharing());
    this.#releaseUnused();
    await Promise.all(this.#all().map((call) => call.showScreen(screen)));
    this.#options.emit({ type: 'screen', shared: true });
  }

  async stopSharing(): Promise<void> {
    const wasShared = this.#media.screen !== null;
    this.#media.stopScreen();
    await Promise.all(this.#all().map((call) => call.hideScreen()));
    if (wasShared) this.#options.emit({ type: 'screen', shared: false });
  }

  sendMessage(peerId: string, data: string | ArrayBuffer): void {
    const call = this.#calls.get(peerId);
    if (call === undefined) throw new KrakenError('no-call', `there is no call with ${peerId}`);
    call.sendMessage(data);
  }

  receive(from: string, signal: CallSignal): void {
    const call = this.#calls.get(from);
    const isOfThisCall = call !== undefined && (call.id === signal.callId || !('callId' in signal));
    if (signal.type === SignalType.Hangup) {
      if (isOfThisCall) call.endedByPeer(signal.reason);
    } else if (isOfThisCall) {
      call.receive(signal);
    } else if (signal.type === SignalType.Offer) {
      this.#receiveNewOffer(from, call, signal);
    }
  }

  /** The server can't deliver to a peer. */
  undeliverable(peerId: string): void {
    this.#calls.get(peerId)?.peerLeft();
  }

  /** The server doesn't like what was sent to a peer: without that, no call is established. */
  disliked(peerId: string, message: string): void {
    const call = this.#calls.get(peerId);
    if (call?.isEstablished === false) call.fail(new KrakenError('call-ended', message));
  }

  /** Calls with whoever is gone end, unless they can do without the server. */
  peersChanged(): void {
    for (const call of this.#all()) {
      if (this.#options.findPeer(call.peer.peerId) === undefined) call.peerLeft();
    }
  }

  /** The peer or this side is back. */
  resume(peerId: string): void {
    this.#calls.get(peerId)?.resume();
  }

  #receiveNewOffer(from: string, existing: Call | undefined, offer: OfferSignal): void {
    if (existing?.isCalling === true) {
      existing.meetOffer(offer);
      return;
    }
    // The peer has begun anew, so it knows nothing of the earlier call any more.
    existing?.endedByPeer('hangup');
    this.#ring(from, offer);
  }

  #ring(from: string, offer: OfferSignal): void {
    const peer = this.#options.findPeer(from) ?? { peerId: from, name: null, metadata: null };
    const { callId, media } = offer;
    const call = this.#newCall(peer, callId, 'incoming');
    call.receive(offer);
    const incoming: IncomingCall = {
      from: peer,
      callId,
      media,
      accept: (options = {}) => this.accept(from, options),
      reject: () => {
        this.reject(from);
      },
    };
    this.#incoming = [...this.#incoming, incoming];
    this.#options.emit({ type: 'call-incoming', ...incoming });
  }

  #newCall(peer: Peer, id: string, direction: 'outgoing' | 'incoming'): Call {
    const { peerId } = peer;
    const call = new Call({
      id,
      peer,
      direction,
      polite: this.#options.peerId < peerId,
      createConnection: () => this.#options.createConnection(),
      send: (signal) => {
        this.#options.send({ ...signal, to: peerId });
      },
      onEstablished: () => {
        this.#callEstablished(call);
      },
      onEnded: (reason) => {
        this.#callEnded(call, reason);
      },
      onMessage: (data) => {
        this.#options.emit({ type: 'message', peerId, peer: this.#peerOf(call), data });
      },
    });
    this.#calls.set(peerId, call);
    return call;
  }

  async #start(call: Call, options: MediaOptions): Promise<void> {
    try {
      const tracks = await this.#media.acquire(options);
      if (!call.isEnded) await this.#startWith(call, tracks);
    } catch (cause) {
      call.fail(asKrakenError(cause));
    }
    this.#releaseUnused();
    await call.established;
  }

  async #startWith(call: Call, tracks: readonly MediaStreamTrack[]): Promise<void> {
    call.start(tracks, this.#media.stream ?? new MediaStream());
    if (this.#media.screen !== null) await call.showScreen(this.#media.screen);
  }

  #callEstablished(call: Call): void {
    const { peer, remoteStream } = call;
    const { peerId } = peer;
    this.#remoteStreams = new Map(this.#remoteStreams).set(peerId, remoteStream);
    this.#options.emit({
      type: 'call-established',
      peerId,
      peer: this.#peerOf(call),
      remoteStream,
    });
  }

  #callEnded(call: Call, reason: CallEndReason): void {
    const { peerId } = call.peer;
    const remoteStreams = new Map(this.#remoteStreams);
    remoteStreams.delete(peerId);
    this.#calls.delete(peerId);
    this.#remoteStreams = remoteStreams;
    this.#forgetIncoming(peerId);
    this.#releaseUnused();
    this.#options.emit({ type: 'call-ended', peerId, peer: this.#peerOf(call), reason });
  }

  #forgetIncoming(peerId: string): void {
    this.#incoming = this.#incoming.filter(({ from }) => from.peerId !== peerId);
  }

  #releaseUnused(): void {
    if (this.#calls.size > 0) return;
    const wasShared = this.#media.screen !== null;
    this.#media.release();
    if (wasShared) this.#options.emit({ type: 'screen', shared: false });
  }

  #all(): Call[] {
    return [...this.#calls.values()];
  }

  /** As the peer calls itself now, or did before it left. */
  #peerOf({ peer }: Call): Peer {
    return this.#options.findPeer(peer.peerId) ?? peer;
  }
}

function asKrakenError(cause: unknown): KrakenError {
  if (cause instanceof KrakenError) return cause;
  return new KrakenError('call-ended', `the call failed: ${messageOf(cause)}`, { cause });
}
