import { Calls } from './calls.js';
import type { RoomConnection } from './connection.js';
import { Emitter } from './emitter.js';
import { KrakenError } from './errors.js';
import type {
  ConnectionStatus,
  IncomingCall,
  KrakenEvent,
  Listener,
  MediaOptions,
} from './events.js';
import { listDevices } from './media.js';
import type { DeviceChoice, MediaKind } from './media.js';
import { announcement, connectionOf, DEFAULT_ICE_SERVERS, randomId } from './participant.js';
import type { KrakenClientOptions } from './participant.js';
import type { Incoming, Peer } from './protocol.js';
import { Signaling } from './signaling.js';

/** A participant of a room: sees who else is there, and calls them. */
export class KrakenClient {
  /** How others address this client. */
  readonly peerId: string;
  /** The socket, which a group call or a document may use as well. */
  readonly connection: RoomConnection;
  readonly #emitter = new Emitter<KrakenEvent>();
  readonly #signaling: Signaling;
  readonly #calls: Calls;
  #peers: readonly Peer[] = [];

  constructor(options: KrakenClientOptions) {
    const { peerId = randomId(), iceServers = DEFAULT_ICE_SERVERS } = options;
    this.peerId = peerId;
    this.connection = connectionOf(options);
    this.#calls = new Calls({
      peerId,
      createConnection: () => {
        const Connection = options.RTCPeerConnection ?? globalThis.RTCPeerConnection;
        return new Connection({ iceServers });
      },
      isConnected: () => this.status === 'connected',
      findPeer: (id) => this.#peer(id),
      send: (signal) => {
        this.#signaling.send(signal);
      },
      emit: (event) => {
        this.#emitter.emit(event);
      },
    });
    this.#signaling = new Signaling({
      connection: this.connection,
      announcement: announcement(peerId, options),
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
    return this.#calls.incoming;
  }

  /** What the peers of established calls send, by peer id. */
  get remoteStreams(): ReadonlyMap<string, MediaStream> {
    return this.#calls.remoteStreams;
  }

  /** The user's own camera and microphone while they are in use. */
  get localStream(): MediaStream | null {
    return this.#calls.localStream;
  }

  /** What `shareScreen` shows; null while it shows nothing. */
  get screen(): MediaStreamTrack | null {
    return this.#calls.screen;
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
  call(peerId: string, options: MediaOptions = {}): Promise<void> {
    return this.#calls.call(peerId, options);
  }

  /** Answers a call; resolves once established. */
  accept(peerId: string, options: MediaOptions = {}): Promise<void> {
    return this.#calls.accept(peerId, options);
  }

  reject(peerId: string): void {
    this.#calls.reject(peerId);
  }

  /** Ends the call with a peer, or all calls. */
  hangup(peerId?: string): void {
    this.#calls.hangUp(peerId);
  }

  /** Silences the microphone, or blackens the camera, in all calls. */
  mute(kind: MediaKind, on = true): void {
    this.#calls.mute(kind, on);
  }

  /** Cameras, microphones and loudspeakers. They have names once the user has allowed their use. */
  listDevices(): Promise<MediaDeviceInfo[]> {
    return listDevices();
  }

  /**
   * Uses another camera or microphone from now on, in calls that there are as well, without a gap.
   * Rejects, and leaves everything as it was, if it can't be had.
   */
  setDevices(choice: DeviceChoice): Promise<void> {
    return this.#calls.setDevices(choice);
  }

  /** Shows a screen of the user's choice in all calls, in place of the camera. */
  shareScreen(): Promise<void> {
    return this.#calls.shareScreen();
  }

  stopSharing(): Promise<void> {
    return this.#calls.stopSharing();
  }

  /** Sends to a peer of an established call, directly; it gets the event `message`. */
  send(peerId: string, data: string | ArrayBuffer): void {
    this.#calls.sendMessage(peerId, data);
  }

  /** Peers need not wait until the connection to a page that is gone breaks. */
  readonly #leavePage = (): void => {
    this.hangup();
  };

  #statusChanged(status: ConnectionStatus, close?: { code: number; reason: string }): void {
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
        this.#calls.receive(message.from, message.signal);
        break;
      case 'error':
        this.#receiveError(message);
        break;
    }
  }

  /** The answer to an announcement: this client has just come, or has come back. */
  #receivePeers(peers: readonly Peer[]): void {
    this.#setPeers(peers);
    for (const { peerId } of peers) this.#calls.resume(peerId);
  }

  #setPeers(peers: readonly Peer[]): void {
    this.#peers = peers;
    this.#emitter.emit({ type: 'peers', peers });
    this.#calls.peersChanged();
  }

  #peerJoined(peer: Peer): void {
    const isKnown = this.#peer(peer.peerId) !== undefined;
    if (isKnown) {
      this.#setPeers(this.#peers.map((one) => (one.peerId === peer.peerId ? peer : one)));
      return;
    }
    this.#setPeers([...this.#peers, peer]);
    this.#emitter.emit({ type: 'peer-joined', peer });
    this.#calls.resume(peer.peerId);
  }

  #peerLeft(peerId: string): void {
    const peer = this.#peer(peerId);
    if (peer === undefined) return;
    this.#setPeers(this.#peers.filter((one) => one !== peer));
    this.#emitter.emit({ type: 'peer-left', peer });
  }

  #receiveError({ code, message, to }: Extract<Incoming, { kind: 'error' }>): void {
    if (code === 'no_such_peer') {
      if (to !== null) this.#calls.undeliverable(to);
      return;
    }
    this.#emitter.emit({ type: 'error', error: new KrakenError('signal', `${code}: ${message}`) });
    if (to !== null) this.#calls.disliked(to, message);
  }

  #peer(peerId: string): Peer | undefined {
    return this.#peers.find((peer) => peer.peerId === peerId);
  }
}
