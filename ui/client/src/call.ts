import { KrakenError, messageOf } from './errors.js';
import type { CallEndReason } from './events.js';
import { SignalType } from './protocol.js';
import type {
  CallSignal,
  CandidateSignal,
  HangupReason,
  OfferedMedia,
  OfferSignal,
  Peer,
  SetupSignal,
} from './protocol.js';

export interface CallOptions {
  id: string;
  peer: Peer;
  direction: 'outgoing' | 'incoming';
  /** Whose offer gives way when both sides make one at once: the polite side's. */
  polite: boolean;
  createConnection(): RTCPeerConnection;
  send(signal: CallSignal): void;
  onEstablished(): void;
  onEnded(reason: CallEndReason): void;
  onMessage(data: string | ArrayBuffer): void;
}

/** Both sides open the data channel under this id, so that it needs no agreement of its own. */
const DATA_CHANNEL_ID = 0;
const MOST_RESTARTS = 3;

/**
 * One call with one peer, from the first offer to the end: "perfect negotiation" over one
 * `RTCPeerConnection`, which is made once the user's devices are there.
 */
export class Call {
  readonly peer: Peer;
  readonly remoteStream = new MediaStream();
  /** Rejects when the call ends before it is established. */
  readonly established: Promise<void>;
  readonly #options: CallOptions;
  #id: string;
  #resolveEstablished!: () => void;
  #rejectEstablished!: (error: KrakenError) => void;
  #isEstablished = false;
  #isEnded = false;
  #accepted: boolean;
  #peerPresent = true;
  #connection: RTCPeerConnection | null = null;
  #channel: RTCDataChannel | null = null;
  #camera: MediaStreamTrack | undefined;
  #sending: OfferedMedia = { video: false, audio: false };
  /** What came before there was a connection. */
  #held: SetupSignal[] = [];
  /** What came before the description that it belongs to. */
  #candidates: RTCIceCandidateInit[] = [];
  #work = Promise.resolve();
  #makingOffer = false;
  #restarts = 0;

  constructor(options: CallOptions) {
    this.#options = options;
    this.#id = options.id;
    this.peer = options.peer;
    this.#accepted = options.direction === 'outgoing';
    this.established = new Promise((resolve, reject) => {
      this.#resolveEstablished = resolve;
      this.#rejectEstablished = reject;
    });
    // Nobody need wait for it: events tell the same.
    this.established.catch(() => undefined);
  }

  get id(): string {
    return this.#id;
  }

  get isEstablished(): boolean {
    return this.#isEstablished;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether it rings here and nobody has answered. */
  get isWaiting(): boolean {
    return !this.#accepted;
  }

  /** Whether this side has called and the peer hasn't answered yet. */
  get isCalling(): boolean {
    return this.#options.direction === 'outgoing' && !this.#isEstablished;
  }

  /** Answering twice is answering once: false for the second. */
  markAccepted(): boolean {
    const first = !this.#accepted;
    this.#accepted = true;
    return first;
  }

  /** Connects, with what of the user's devices is to be sent. */
  start(tracks: readonly MediaStreamTrack[], stream: MediaStream): void {
    this.#camera = tracks.find(({ kind }) => kind === 'video');
    this.#sending = {
      video: this.#camera !== undefined,
      audio: tracks.some(({ kind }) => kind === 'audio'),
    };
    const connection = this.#options.createConnection();
    this.#connection = connection;
    this.#listen(connection);
    this.#openChannel(connection);
    for (const track of tracks) connection.addTrack(track, stream);
    const held = this.#held;
    this.#held = [];
    for (const signal of held) this.receive(signal);
  }

  receive(signal: SetupSignal): void {
    const connection = this.#connection;
    if (connection === null) {
      this.#held.push(signal);
      return;
    }
    this.#work = this.#work
      .then(() => (this.#isEnded ? undefined : this.#handle(connection, signal)))
      .catch((cause: unknown) => {
        this.#failWith(cause);
      });
  }

  /**
   * Both sides have called at once. This side's call becomes the peer's if this is the polite
   * side, or has offered nothing yet.
   */
  meetOffer(offer: OfferSignal): void {
    if (this.#connection !== null && !this.#options.polite) return;
    this.#id = offer.callId;
    this.receive(offer);
  }

  /** Mends what may have been lost while the peer or this side was without the server. */
  resume(): void {
    this.#peerPresent = true;
    const connection = this.#connection;
    if (connection === null) return;
    if (connection.signalingState === 'have-local-offer') this.#sendDescription(connection);
    else if (connection.connectionState !== 'connected') connection.restartIce();
  }

  /** An established call goes on without the server for as long as its connection lasts. */
  peerLeft(): void {
    this.#peerPresent = false;
    const lasts = this.#isEstablished && this.#connection?.connectionState === 'connected';
    if (!lasts) this.endedByPeer('unreachable');
  }

  hangUp(): void {
    this.#endHere('hangup', 'local-hangup');
  }

  reject(): void {
    this.#endHere('rejected', 'local-hangup');
  }

  fail(error: KrakenError): void {
    this.#endHere('failed', 'failed', error);
  }

  endedByPeer(reason: CallEndReason): void {
    this.#end(reason, new KrakenError('call-ended', `the call has ended: ${reason}`));
  }

  sendMessage(data: string | ArrayBuffer): void {
    if (this.#channel?.readyState !== 'open') {
      throw new KrakenError('not-connected', `the call with ${this.peer.peerId} isn't established`);
    }
    // The two overloads of RTCDataChannel.send can't be chosen from at once.
    if (typeof data === 'string') this.#channel.send(data);
    else this.#channel.send(data);
  }

  /** Shows a screen in place of the camera, or of nothing. */
  async showScreen(screen: MediaStreamTrack): Promise<void> {
    const sender = this.#videoSender();
    if (sender === undefined) this.#connection?.addTrack(screen);
    else await sender.replaceTrack(screen);
  }

  /** Goes back to the camera, if this call has one: another call's camera is not for this peer. */
  async hideScreen(): Promise<void> {
    const sender = this.#videoSender();
    if (sender === undefined) return;
    if (this.#camera === undefined) this.#connection?.removeTrack(sender);
    else await sender.replaceTrack(this.#camera);
  }

  #videoSender(): RTCRtpSender | undefined {
    return this.#connection?.getSenders().find(({ track }) => track?.kind === 'video');
  }

  #listen(connection: RTCPeerConnection): void {
    connection.onnegotiationneeded = () => {
      void this.#offer(connection);
    };
    connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null) this.#sendCandidate(candidate.toJSON());
    };
    connection.ontrack = ({ track }) => {
      this.remoteStream.addTrack(track);
    };
    connection.onconnectionstatechange = () => {
      this.#connectionChanged(connection);
    };
  }

  #openChannel(connection: RTCPeerConnection): void {
    const channel = connection.createDataChannel('kraken', {
      negotiated: true,
      id: DATA_CHANNEL_ID,
    });
    channel.binaryType = 'arraybuffer';
    channel.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      this.#options.onMessage(data);
    };
    channel.onclose = () => {
      this.endedByPeer('hangup');
    };
    this.#channel = channel;
  }

  #connectionChanged(connection: RTCPeerConnection): void {
    const { connectionState } = connection;
    if (connectionState === 'connected') this.#connected();
    if (connectionState === 'failed') this.#connectionFailed(connection);
    // A peer that can be reached in no way at all has crashed.
    if (connectionState === 'disconnected' && !this.#peerPresent) this.endedByPeer('unreachable');
  }

  #connected(): void {
    this.#restarts = 0;
    if (this.#isEstablished) return;
    this.#isEstablished = true;
    this.#resolveEstablished();
    this.#options.onEstablished();
  }

  #connectionFailed(connection: RTCPeerConnection): void {
    if (this.#restarts >= MOST_RESTARTS) {
      this.fail(new KrakenError('call-ended', `there is no way to ${this.peer.peerId}`));
      return;
    }
    this.#restarts += 1;
    connection.restartIce();
  }

  async #offer(connection: RTCPeerConnection): Promise<void> {
    this.#makingOffer = true;
    try {
      await connection.setLocalDescription();
      this.#sendDescription(connection);
    } catch (cause) {
      this.#failWith(cause);
    } finally {
      this.#makingOffer = false;
    }
  }

  async #handle(connection: RTCPeerConnection, signal: SetupSignal): Promise<void> {
    switch (signal.type) {
      case SignalType.Offer:
        await this.#handleOffer(connection, signal);
        break;
      case SignalType.Answer:
        // An offer that was sent twice is answered twice.
        if (connection.signalingState !== 'have-local-offer') break;
        await this.#describeRemote(connection, { type: 'answer', sdp: signal.sdp });
        break;
      case SignalType.IceCandidate:
        await this.#handleCandidate(connection, signal);
        break;
    }
  }

  async #handleOffer(connection: RTCPeerConnection, { sdp }: OfferSignal): Promise<void> {
    const collides = this.#makingOffer || connection.signalingState !== 'stable';
    if (collides && !this.#options.polite) return;
    await this.#describeRemote(connection, { type: 'offer', sdp });
    await connection.setLocalDescription();
    this.#sendDescription(connection);
  }

  async #describeRemote(
    connection: RTCPeerConnection,
    description: RTCSessionDescriptionInit,
  ): Promise<void> {
    await connection.setRemoteDescription(description);
    const candidates = this.#candidates;
    this.#candidates = [];
    for (const candidate of candidates) await this.#addCandidate(connection, candidate);
  }

  async #handleCandidate(
    connection: RTCPeerConnection,
    { candidate }: CandidateSignal,
  ): Promise<void> {
    if (connection.remoteDescription === null) this.#candidates.push(candidate);
    else await this.#addCandidate(connection, candidate);
  }

  /** One address that can't be used is no reason to give up: there are others. */
  async #addCandidate(
    connection: RTCPeerConnection,
    candidate: RTCIceCandidateInit,
  ): Promise<void> {
    await connection.addIceCandidate(candidate).catch(() => undefined);
  }

  #sendDescription({ localDescription }: RTCPeerConnection): void {
    if (localDescription === null || this.#isEnded) return;
    const { type, sdp } = localDescription;
    if (type === 'offer') {
      this.#options.send({
        type: SignalType.Offer,
        callId: this.#id,
        sdp,
        media: this.#sending,
      });
    } else {
      this.#options.send({ type: SignalType.Answer, callId: this.#id, sdp });
    }
  }

  #sendCandidate(candidate: RTCIceCandidateInit): void {
    this.#options.send({ type: SignalType.IceCandidate, callId: this.#id, candidate });
  }

  #failWith(cause: unknown): void {
    this.fail(new KrakenError('call-ended', `the call failed: ${messageOf(cause)}`, { cause }));
  }

  #endHere(
    told: HangupReason,
    reason: CallEndReason,
    error = new KrakenError('call-ended', `the call has ended: ${reason}`),
  ): void {
    if (this.#isEnded) return;
    this.#options.send({ type: SignalType.Hangup, callId: this.#id, reason: told });
    this.#end(reason, error);
  }

  #end(reason: CallEndReason, error: KrakenError): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#close();
    this.#rejectEstablished(error);
    this.#options.onEnded(reason);
  }

  #close(): void {
    if (this.#channel !== null) this.#channel.onclose = null;
    const connection = this.#connection;
    if (connection === null) return;
    connection.onnegotiationneeded = null;
    connection.onicecandidate = null;
    connection.ontrack = null;
    connection.onconnectionstatechange = null;
    connection.close();
  }
}
