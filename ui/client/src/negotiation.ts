import { SignalType } from './protocol.js';
import type { CandidateSignal, OfferSignal, SetupSignal } from './protocol.js';

/** Signals kept until they can be used: several times what browsers send. A caller may send any. */
export const MOST_HELD = 256;

export interface NegotiationOptions {
  /** Whose offer gives way when both sides make one at once: the polite side's. */
  polite: boolean;
  createConnection(): RTCPeerConnection;
  /** Readies a new connection for what it carries. */
  onConnection(connection: RTCPeerConnection): void;
  onDescription(description: RTCSessionDescription): void;
  onCandidate(candidate: RTCIceCandidateInit): void;
  onState(state: RTCPeerConnectionState): void;
  onError(cause: unknown): void;
}

/**
 * "Perfect negotiation" over one `RTCPeerConnection`: either side may change what it sends at any
 * time, and both at once.
 */
export class Negotiation {
  readonly #options: NegotiationOptions;
  readonly #stream: MediaStream;
  #connection: RTCPeerConnection;
  #makingOffer = false;
  #isClosed = false;
  /** What came before the description that it belongs to. */
  #candidates: RTCIceCandidateInit[] = [];
  /** One signal after the other. */
  #work = Promise.resolve();

  constructor(
    options: NegotiationOptions,
    tracks: readonly MediaStreamTrack[],
    stream: MediaStream,
  ) {
    this.#options = options;
    this.#stream = stream;
    this.#connection = this.#connect(tracks);
  }

  get connection(): RTCPeerConnection {
    return this.#connection;
  }

  receive(signal: SetupSignal): void {
    this.#work = this.#work
      .then(() => this.#handle(signal))
      .catch((cause: unknown) => {
        if (!this.#isClosed) this.#options.onError(cause);
      });
  }

  /** Mends what may have been lost while one of the sides was without the server. */
  resume(): void {
    const { signalingState, connectionState } = this.#connection;
    if (signalingState === 'have-local-offer') this.#tellDescription();
    else if (connectionState !== 'connected') this.restart();
  }

  /** Looks for another way to the peer. */
  restart(): void {
    this.#connection.restartIce();
  }

  close(): void {
    this.#isClosed = true;
    this.#discard();
  }

  #connect(tracks: readonly MediaStreamTrack[]): RTCPeerConnection {
    const connection = this.#options.createConnection();
    connection.onnegotiationneeded = () => {
      void this.#offer();
    };
    connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null) this.#options.onCandidate(candidate.toJSON());
    };
    connection.onconnectionstatechange = () => {
      this.#options.onState(connection.connectionState);
    };
    this.#options.onConnection(connection);
    for (const track of tracks) connection.addTrack(track, this.#stream);
    return connection;
  }

  /**
   * Takes back a first offer. A new connection is surer than a rollback, after which Chromium
   * sometimes finds no addresses of its own any more.
   */
  #beginAnew(): void {
    const tracks = this.#connection.getSenders().map(({ track }) => track);
    this.#discard();
    this.#makingOffer = false;
    this.#connection = this.#connect(tracks.filter((track) => track !== null));
  }

  #discard(): void {
    const connection = this.#connection;
    connection.onnegotiationneeded = null;
    connection.onicecandidate = null;
    connection.ontrack = null;
    connection.onconnectionstatechange = null;
    connection.close();
  }

  async #offer(): Promise<void> {
    const connection = this.#connection;
    const isCurrent = () => connection === this.#connection && !this.#isClosed;
    this.#makingOffer = true;
    try {
      await connection.setLocalDescription();
      if (isCurrent()) this.#tellDescription();
    } catch (cause) {
      if (isCurrent()) this.#options.onError(cause);
    } finally {
      if (isCurrent()) this.#makingOffer = false;
    }
  }

  async #handle(signal: SetupSignal): Promise<void> {
    if (this.#isClosed) return;
    switch (signal.type) {
      case SignalType.Offer:
        await this.#handleOffer(signal);
        break;
      case SignalType.Answer:
        // An offer that was sent twice is answered twice.
        if (this.#connection.signalingState !== 'have-local-offer') break;
        await this.#describeRemote({ type: 'answer', sdp: signal.sdp });
        break;
      case SignalType.IceCandidate:
        await this.#handleCandidate(signal);
        break;
    }
  }

  async #handleOffer({ sdp }: OfferSignal): Promise<void> {
    const { signalingState, remoteDescription } = this.#connection;
    const collides = this.#makingOffer || signalingState !== 'stable';
    if (collides && !this.#options.polite) return;
    if (collides && remoteDescription === null) this.#beginAnew();
    await this.#describeRemote({ type: 'offer', sdp });
    await this.#connection.setLocalDescription();
    this.#tellDescription();
  }

  async #describeRemote(description: RTCSessionDescriptionInit): Promise<void> {
    await this.#connection.setRemoteDescription(description);
    const candidates = this.#candidates;
    this.#candidates = [];
    for (const candidate of candidates) await this.#addCandidate(candidate);
  }

  async #handleCandidate({ candidate }: CandidateSignal): Promise<void> {
    if (this.#connection.remoteDescription !== null) await this.#addCandidate(candidate);
    else if (this.#candidates.length < MOST_HELD) this.#candidates.push(candidate);
  }

  /** One address that can't be used is no reason to give up: there are others. */
  async #addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    await this.#connection.addIceCandidate(candidate).catch(() => undefined);
  }

  #tellDescription(): void {
    const { localDescription } = this.#connection;
    if (localDescription !== null && !this.#isClosed) this.#options.onDescription(localDescription);
  }
}
