import { Call } from './call.js';
import { Emitter } from './emitter.js';
import { KrakenError, messageOf } from './errors.js';
import type {
  CallEndReason,
  ConnectionStatus,
  IncomingCall,
  Listener,
  MediaOptions,
} from './events.js';
import { LocalMedia } from './media.js';
import type { MediaKind } from './media.js';
import { SignalType } from './protocol.js';
import type { AnnounceSignal, CallSignal, Incoming, OfferSignal, Peer } from './protocol.js';
import { Signaling } from './signaling.js';
import type { TokenSource, WebSocketConstructor } from './signaling.js';

export type PeerConnectionConstructor = new (config?: RTCConfiguration) => RTCPeerConnection;

export interface KrakenClientOptions {
  /** The server, such as `wss://kraken.example.com`. */
  url: string;
  /** A token, or a function that gets one; a function is asked at each connect. */
  token?: TokenSource;
  /** Peers meet in a room; a document of that name is none of their business. */
  room: string;
  /** What others see. */
  name?: string | undefined;
  /** Anything else that others should see: JSON of at most 4 KiB. */
  metadata?: unknown;
  /** Default: a random one. No two connections of a room can have the same. */
  peerId?: string | undefined;
  /** Default: a public STUN server of Google's. */
  iceServers?: RTCIceServer[] | undefined;
  /** Default: the browser's. */
  WebSocket?: WebSocketConstructor | undefined;
  /** Default: the browser's. */
  RTCPeerConnection?: PeerConnectionConstructor | undefined;
}

const DEFAULT_ICE_SERVERS: RTCIceServer[] = [{ urls: 'stun:stun.l.google.com:19302' }];

/** A participant of a room: sees who else is there, and calls them. */
export class KrakenClient {
  /** How others address this client. */
  readonly peerId: string;
  readonly #iceServers: RTCIceServer[];
  readonly #RTCPeerConnection: PeerConnectionConstructor | undefined;
  readonly #emitter = new Emitter();
  readonly #signaling: Signaling;
  readonly #media: LocalMedia;
  readonly #calls = new Map<string, Call>();
  #peers: readonly Peer[] = [];
  #incoming: readonly IncomingCall[] = [];
  #remoteStreams: ReadonlyMap<string, MediaStream> = new Map();
  /** Whether calls must be looked after once the list of peers is there. */
  #isNewConnection = false;

  constructor(options: KrakenClientOptions) {
    this.peerId = options.peerId ?? randomId();
    this.#iceServers = options.iceServers ?? DEFAULT_ICE_SERVERS;
    this.#RTCPeerConnection = options.RTCPeerConnection;
    this.#media = new LocalMedia((stream) => {
      this.#emitter.emit({ type: 'local-stream', stream });
    });
    this.#signaling = new Signaling({
      url: options.url,
      room: options.room,
      token: options.token,
      announcement: announcement(this.peerId, options),
      WebSocket: options.WebSocket ?? globalThis.WebSocket,
      onMessage: (message) => {
        this.#receive(message);
      },
      onStatus: (status, close) => {
        this.#statusChanged(status, close);
      },
      onError: (error) => {
        this.#emitter.emit({ type: 'error', error });
      },
    });
  }

  get status(): ConnectionStatus {
    return this.#signaling.status;
  }

  /** Who else is in the room. A new list whenever it changes, as are the two below. */
  get peers(): readonly Peer[] {
    return this.#peers;
  }

  /** Calls that wait to be accepted or rejected. */
  get incoming(): readonly IncomingCall[] {
    return this.#incoming;
  }

  /** What the peers of established calls send, by peer id. */
  get remoteStreams(): ReadonlyMap<string, MediaStream> {
    return this.#remoteStreams;
  }

  /** The user's own camera and microphone while they are in use. */
  get localStream(): MediaStream | null {
    return this.#media.stream;
  }

  /** @returns what takes the listener off again */
  on(listener: Listener): () => void {
    return this.#emitter.on(listener);
  }

  /**
   * Resolves once this client is announced and knows its peers. Rejects if the server refuses for
   * good; anything else is tried again until `disconnect`.
   */
  connect(): Promise<void> {
    // Programs that bring their own WebRTC have no page.
    if ('addEventListener' in globalThis) addEventListener('pagehide', this.#leavePage);
    return this.#signaling.open();
  }

  /** Hangs up, closes devices and the connection. `connect` may be called again. */
  disconnect(): void {
    if ('removeEventListener' in globalThis) removeEventListener('pagehide', this.#leavePage);
    this.hangup();
    this.#signaling.close();
  }

  /**
   * Calls a peer; resolves once established, rejects if refused or unreachable. A peer that is
   * calling this client already is answered.
   */
  async call(peerId: string, options: MediaOptions = {}): Promise<void> {
    const existing = this.#calls.get(peerId);
    if (existing?.isWaiting === true) return this.accept(peerId, options);
    if (existing !== undefined) return existing.established;
    return this.#start(this.#newOutgoingCall(peerId), options);
  }

  /** Answers a call; resolves once established. */
  async accept(peerId: string, options: MediaOptions = {}): Promise<void> {
    const call = this.#calls.get(peerId);
    if (call === undefined) throw new KrakenError('no-call', `${peerId} isn't calling`);
    if (!call.markAccepted()) return call.established;
    this.#forgetIncoming(peerId);
    this.#emitter.emit({ type: 'call-accepted', peerId, peer: this.#peerOf(call) });
    return this.#start(call, options);
  }

  reject(peerId: string): void {
    const call = this.#calls.get(peerId);
    if (call?.isWaiting === true) call.reject();
  }

  /** Ends the call with a peer, or all calls. */
  hangup(peerId?: string): void {
    const calls = [...this.#calls.values()];
    for (const call of calls) {
      if (peerId === undefined || call.peer.peerId === peerId) call.hangUp();
    }
  }

  /** Silences the microphone, or blackens the camera, in all calls. */
  mute(kind: MediaKind, on = true): void {
    this.#media.mute(kind, on);
  }

  /** Shows a screen of the user's choice in all calls, in place of the camera. */
  async shareScreen(): Promise<void> {
    if (this.#calls.size === 0) throw new KrakenError('no-call', 'there is no call to share with');
    const screen = await this.#media.captureScreen(() => void this.stopSharing());
    this.#releaseUnused();
    await Promise.all([...this.#calls.values()].map((call) => call.showScreen(screen)));
  }

  async stopSharing(): Promise<void> {
    this.#media.stopScreen();
    await Promise.all([...this.#calls.values()].map((call) => call.hideScreen()));
  }

  /** Sends to a peer of an established call, directly; it gets the event `message`. */
  send(peerId: string, data: string | ArrayBuffer): void {
    const call = this.#calls.get(peerId);
    if (call === undefined) throw new KrakenError('no-call', `there is no call with ${peerId}`);
    call.sendMessage(data);
  }

  /** Peers need not wait until the connection to a page that is gone breaks. */
  readonly #leavePage = (): void => {
    this.hangup();
  };

  #newOutgoingCall(peerId: string): Call {
    if (this.status !== 'connected') {
      throw new KrakenError('not-connected', 'there is no connection to call over');
    }
    const peer = this.#peer(peerId);
    if (peer === undefined) {
      throw new KrakenError('call-ended', `${peerId} isn't in the room`);
    }
    return this.#newCall(peer, randomId(), 'outgoing');
  }

  #newCall(peer: Peer, id: string, direction: 'outgoing' | 'incoming'): Call {
    const { peerId } = peer;
    const call = new Call({
      id,
      peer,
      direction,
      polite: this.peerId < peerId,
      createConnection: () => this.#createConnection(),
      send: (signal) => {
        this.#signaling.send({ ...signal, to: peerId });
      },
      onEstablished: () => {
        this.#callEstablished(call);
      },
      onEnded: (reason) => {
        this.#callEnded(call, reason);
      },
      onMessage: (data) => {
        this.#emitter.emit({ type: 'message', peerId, peer: this.#peerOf(call), data });
      },
    });
    this.#calls.set(peerId, call);
    return call;
  }

  #createConnection(): RTCPeerConnection {
    const Connection = this.#RTCPeerConnection ?? globalThis.RTCPeerConnection;
    return new Connection({ iceServers: this.#iceServers });
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
    this.#emitter.emit({
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
    this.#emitter.emit({ type: 'call-ended', peerId, peer: this.#peerOf(call), reason });
  }

  #forgetIncoming(peerId: string): void {
    this.#incoming = this.#incoming.filter(({ from }) => from.peerId !== peerId);
  }

  #releaseUnused(): void {
    if (this.#calls.size === 0) this.#media.release();
  }

  #statusChanged(status: ConnectionStatus, close?: { code: number; reason: string }): void {
    this.#isNewConnection = status === 'connected';
    if (status === 'closed') this.#setPeers([]);
    this.#emitter.emit({ type: 'status', status, ...close });
  }

  #receive(message: Incoming): void {
    switch (message.kind) {
      case 'peer-list':
        this.#receivePeers(message.peers);
        break;
      case 'peer-joined':
        this.#peerJoined(message.peer);
        break;
      case 'peer-left':
        this.#peerLeft(message.peerId);
        break;
      case 'call':
        this.#receiveCallSignal(message.from, message.signal);
        break;
      case 'error':
        this.#receiveError(message);
        break;
    }
  }

  #receivePeers(peers: readonly Peer[]): void {
    const isNewConnection = this.#isNewConnection;
    this.#isNewConnection = false;
    // Lists also come as a sign of life, and then mostly say nothing new.
    if (isNewConnection || !sameJson(peers, this.#peers)) this.#setPeers(peers);
    if (!isNewConnection) return;
    for (const { peerId } of peers) this.#calls.get(peerId)?.resume();
  }

  /** Calls with whoever is gone end, unless they can do without the server. */
  #setPeers(peers: readonly Peer[]): void {
    this.#peers = peers;
    this.#emitter.emit({ type: 'peers', peers });
    for (const call of [...this.#calls.values()]) {
      if (this.#peer(call.peer.peerId) === undefined) call.peerLeft();
    }
  }

  #peerJoined(peer: Peer): void {
    const isKnown = this.#peer(peer.peerId) !== undefined;
    if (isKnown) {
      this.#setPeers(this.#peers.map((one) => (one.peerId === peer.peerId ? peer : one)));
      return;
    }
    this.#setPeers([...this.#peers, peer]);
    this.#emitter.emit({ type: 'peer-joined', peer });
    this.#calls.get(peer.peerId)?.resume();
  }

  #peerLeft(peerId: string): void {
    const peer = this.#peer(peerId);
    if (peer === undefined) return;
    this.#setPeers(this.#peers.filter((one) => one !== peer));
    this.#emitter.emit({ type: 'peer-left', peer });
  }

  #receiveCallSignal(from: string, signal: CallSignal): void {
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
    const peer = this.#peer(from) ?? { peerId: from, name: null, metadata: null };
    const { callId, media } = offer;
    const call = this.#newCall(peer, callId, 'incoming');
    call.receive(offer);
    const incoming: IncomingCall = {
      from: peer,
      callId,
      media,
      accept: (options) => this.accept(from, options),
      reject: () => {
        this.reject(from);
      },
    };
    this.#incoming = [...this.#incoming, incoming];
    this.#emitter.emit({ type: 'call-incoming', ...incoming });
  }

  #receiveError({ code, message, to }: Extract<Incoming, { kind: 'error' }>): void {
    const call = to === null ? undefined : this.#calls.get(to);
    if (code === 'no_such_peer') {
      call?.peerLeft();
      return;
    }
    this.#emitter.emit({ type: 'error', error: new KrakenError('signal', `${code}: ${message}`) });
    if (call?.isEstablished === false) call.fail(new KrakenError('call-ended', message));
  }

  #peer(peerId: string): Peer | undefined {
    return this.#peers.find((peer) => peer.peerId === peerId);
  }

  /** As the peer calls itself now, or did before it left. */
  #peerOf({ peer }: Call): Peer {
    return this.#peer(peer.peerId) ?? peer;
  }
}

function announcement(
  from: string,
  { name, metadata }: Pick<KrakenClientOptions, 'name' | 'metadata'>,
): AnnounceSignal {
  return {
    type: SignalType.Announce,
    from,
    ...(name !== undefined && { name }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** Unlike `crypto.randomUUID`, this also works in pages that aren't secure. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function asKrakenError(cause: unknown): KrakenError {
  if (cause instanceof KrakenError) return cause;
  return new KrakenError('call-ended', `the call failed: ${messageOf(cause)}`, { cause });
}
