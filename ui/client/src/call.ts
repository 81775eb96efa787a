import { KrakenError, messageOf } from './errors.js';
import type { CallEndReason } from './events.js';
import type { Replacement } from './media.js';
import { MOST_HELD, Negotiation } from './negotiation.js';
import type { NegotiationOptions } from './negotiation.js';
import { SignalType } from './protocol.js';
import type {
  CallSignal,
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

/** One call with one peer, from the first offer to the end. It connects once devices are there. */
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
  #negotiation: Negotiation | null = null;
  #channel: RTCDataChannel | null = null;
  #camera: MediaStreamTrack | undefined;
  #sending: OfferedMedia = { video: false, audio: false };
  /** What came before there was a connection. */
  #held: SetupSignal[] = [];
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
    this.#negotiation = new Negotiation(this.#negotiationOptions(), tracks, stream);
    const held = this.#held;
    this.#held = [];
    for (const signal of held) this.receive(signal);
  }

  receive(signal: SetupSignal): void {
    if (this.#negotiation !== null) this.#negotiation.receive(signal);
    else if (this.#held.length < MOST_HELD) this.#held.push(signal);
  }

  /**
   * Both sides have called at once. This side's call becomes the peer's if this is the polite
   * side, or has offered nothing yet.
   */
  meetOffer(offer: OfferSignal): void {
    if (this.#negotiation !== null && !this.#options.polite) return;
    this.#id = offer.callId;
    this.receive(offer);
  }

  /** Mends what may have been lost while the peer or this side was without the server. */
  resume(): void {
    this.#peerPresent = true;
    this.#negotiation?.resume();
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

  /** Sends another device's track in place of one that this call sends. */
  async replaceTrack({ old, next }: Replacement): Promise<void> {
    if (this.#camera === old) this.#camera = next;
    const sender = this.#connection?.getSenders().find(({ track }) => track === old);
    await sender?.replaceTrack(next);
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

  get #connection(): RTCPeerConnection | undefined {
    return this.#negotiation?.connection;
  }

  #videoSender(): RTCRtpSender | undefined {
    return this.#connection?.getSenders().find(({ track }) => track?.kind === 'video');
  }

  #negotiationOptions(): NegotiationOptions {
    const options = this.#options;
    return {
      polite: options.polite,
      createConnection: () => options.createConnection(),
      onConnection: (connection) => {
        this.#openChannel(connection);
        connection.ontrack = ({ track }) => {
          this.remoteStream.addTrack(track);
        };
      },
      onDescription: ({ type, sdp }) => {
        const callId = this.#id;
        options.send(
          type === 'offer'
            ? { type: SignalType.Offer, callId, sdp, media: this.#sending }
            : { type: SignalType.Answer, callId, sdp },
        );
      },
      onCandidate: (candidate) => {
        options.send({ type: SignalType.IceCandidate, callId: this.#id, candidate });
      },
      onState: (state) => {
        this.#connectionChanged(state);
      },
      onError: (cause) => {
        const message = `the call failed: ${messageOf(cause)}`;
        this.fail(new KrakenError('call-ended', message, { cause }));
      },
    };
  }

  #openChannel(connection: RTCPeerConnection): void {
    this.#forgetChannel();
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

  /** One that closes with a connection of this side's own says nothing of the peer. */
  #forgetChannel(): void {
    if (this.#channel !== null) this.#channel.onclose = null;
    this.#channel = null;
  }

  #connectionChanged(state: RTCPeerConnectionState): void {
    if (state === 'connected') this.#connected();
    if (state === 'failed') this.#connectionFailed();
    // A peer that can be reached in no way at all has crashed.
    if (state === 'disconnected' && !this.#peerPresent) this.endedByPeer('unreachable');
  }

  #connected(): void {
    this.#restarts = 0;
    if (this.#isEstablished) return;
    this.#isEstablished = true;
    this.#resolveEstablished();
    this.#options.onEstablished();
  }

  #connectionFailed(): void {
    if (this.#restarts >= MOST_RESTARTS) {
      this.fail(new KrakenError('call-ended', `there is no way to ${this.peer.peerId}`));
      return;
    }
    this.#restarts += 1;
    this.#negotiation?.restart();
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
    this.#forgetChannel();
    this.#negotiation?.close();
    this.#rejectEstablished(error);
    this.#options.onEnded(reason);
  }
}
