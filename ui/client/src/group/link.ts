import type { DataMessage } from './data.js';
import { unpack } from './data.js';
import { encodingsOf } from './layers.js';
import type { FromClient, OfferedTrack, ReceivedTrack, Source, Track } from './protocol.js';
import type { Published } from './published.js';

export interface LinkOptions {
  createConnection(): RTCPeerConnection;
  send(message: FromClient): void;
  /** What is received now, by the names of the tracks. */
  onReceived(media: ReadonlyMap<string, MediaStreamTrack>): void;
  onAccepted(): void;
  onData(message: DataMessage, isLossy: boolean): void;
  onState(state: RTCPeerConnectionState): void;
  onError(cause: unknown): void;
}

/**
 * - `stable`: nothing is under way
 * - `offering`: an offer of this side waits for its answer; until then those of the server are
 *   ignored, since it takes them back
 * - `answering`: an offer of the server is being answered
 */
type Step = 'stable' | 'offering' | 'answering';

/** A receiver that doesn't keep up shouldn't make the sender keep everything. */
const MOST_BUFFERED = 1024 * 1024;

/** The one connection to the engine, on which everything is sent and received. */
export class Link {
  readonly #options: LinkOptions;
  readonly #connection: RTCPeerConnection;
  readonly #reliable: RTCDataChannel;
  readonly #lossy: RTCDataChannel;
  /** One for each source that has ever been sent: sections are used again. */
  readonly #transceivers = new Map<Source, RTCRtpTransceiver>();
  readonly #published = new Map<Source, Published>();
  /** What the offer that waits for its answer sends, in its order. */
  #offered: readonly Published[] = [];
  #step: Step = 'stable';
  /** Whether there is something that the server hasn't been offered. */
  #isStale = true;
  #isClosed = false;
  /** One description after the other. */
  #work = Promise.resolve();

  constructor(options: LinkOptions, published: Iterable<Published>) {
    this.#options = options;
    this.#connection = options.createConnection();
    this.#connection.onconnectionstatechange = () => {
      options.onState(this.#connection.connectionState);
    };
    this.#reliable = this.#openChannel('reliable', {});
    this.#lossy = this.#openChannel('lossy', { ordered: false, maxRetransmits: 0 });
    for (const one of published) this.#add(one);
    this.#offer();
  }

  get connection(): RTCPeerConnection {
    return this.#connection;
  }

  publish(published: Published): void {
    this.#add(published);
    this.#negotiate();
  }

  unpublish({ source }: Published): void {
    if (!this.#published.delete(source)) return;
    const transceiver = this.#transceivers.get(source);
    if (transceiver === undefined) return;
    transceiver.direction = 'inactive';
    this.#attempt(() => transceiver.sender.replaceTrack(null));
    this.#negotiate();
  }

  /** Sends another device's track, without an offer. */
  async replace({ source }: Published, media: MediaStreamTrack): Promise<void> {
    await this.#transceivers.get(source)?.sender.replaceTrack(media);
  }

  /** Looks for another way to the engine. */
  restart(): void {
    this.#connection.restartIce();
    this.#negotiate();
  }

  /** Mends what may have been lost while there was no connection to the server. */
  resume(): void {
    if (this.#step === 'offering') this.#tellOffer();
    else if (this.#connection.connectionState !== 'connected') this.restart();
  }

  /** The server's answer to this side's offer. */
  answered(sdp: string, tracks: readonly Track[]): void {
    this.#attempt(async () => {
      if (this.#step !== 'offering') return;
      await this.#connection.setRemoteDescription({ type: 'answer', sdp });
      this.#offered.forEach((published, index) => {
        const { track } = tracks[index] ?? {};
        if (track !== undefined) published.accept(track);
      });
      this.#settle();
      this.#options.onAccepted();
    });
  }

  /**
   * The server doesn't take this side's offer.
   *
   * @returns whether the link is as it was before; otherwise there is nothing to go back to
   */
  refused(): boolean {
    if (this.#connection.remoteDescription === null) return false;
    this.#attempt(async () => {
      if (this.#step !== 'offering') return;
      await this.#connection.setLocalDescription({ type: 'rollback' });
      this.#settle();
    });
    return true;
  }

  /** An offer of the server's. */
  offered(offer: number, sdp: string, tracks: readonly ReceivedTrack[]): void {
    if (this.#step === 'stable') this.#step = 'answering';
    this.#attempt(async () => {
      // Only now is it known whether an answer that came before it has ended an offer of this side.
      if (this.#step === 'offering') return;
      this.#step = 'answering';
      const connection = this.#connection;
      await connection.setRemoteDescription({ type: 'offer', sdp });
      await connection.setLocalDescription();
      if (this.#isClosed) return;
      this.#options.onReceived(this.#receivedOf(tracks));
      const answer = connection.localDescription?.sdp ?? '';
      this.#options.send({ type: 'answer', offer, sdp: answer });
      this.#settle();
    });
  }

  /** False if it can't be sent now. */
  send(message: Uint8Array<ArrayBuffer>, isLossy: boolean): boolean {
    const channel = isLossy ? this.#lossy : this.#reliable;
    if (channel.readyState !== 'open') return false;
    if (channel.bufferedAmount > MOST_BUFFERED) return isLossy;
    channel.send(message);
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#connection.onconnectionstatechange = null;
    for (const channel of [this.#reliable, this.#lossy]) channel.onmessage = null;
    this.#connection.close();
  }

  #add(published: Published): void {
    const { source, media } = published;
    this.#published.set(source, published);
    const transceiver = this.#transceivers.get(source);
    if (transceiver === undefined) {
      const sendEncodings = encodingsOf(source, media);
      const added = this.#connection.addTransceiver(media, {
        direction: 'sendonly',
        sendEncodings,
      });
      this.#transceivers.set(source, added);
      return;
    }
    transceiver.direction = 'sendonly';
    this.#attempt(() => transceiver.sender.replaceTrack(media));
  }

  #openChannel(label: string, options: RTCDataChannelInit): RTCDataChannel {
    const channel = this.#connection.createDataChannel(label, options);
    channel.binaryType = 'arraybuffer';
    channel.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      const message = typeof data === 'string' ? null : unpack(new Uint8Array(data));
      if (message !== null) this.#options.onData(message, label === 'lossy');
    };
    return channel;
  }

  #negotiate(): void {
    this.#isStale = true;
    if (this.#step === 'stable') this.#offer();
  }

  #settle(): void {
    this.#step = 'stable';
    this.#offered = [];
    if (this.#isStale) this.#offer();
  }

  #offer(): void {
    this.#step = 'offering';
    this.#attempt(async () => {
      this.#isStale = false;
      const wanted = [...this.#published.values()];
      await this.#connection.setLocalDescription();
      if (this.#isClosed) return;
      // Meanwhile one may have been taken back; one that has come is for the next offer.
      this.#offered = wanted.filter((one) => this.#published.get(one.source) === one);
      this.#tellOffer();
    });
  }

  #tellOffer(): void {
    const sdp = this.#connection.localDescription?.sdp;
    if (sdp === undefined) return;
    const tracks = this.#offered.map((published) => this.#offeredTrack(published));
    this.#options.send({ type: 'publish', sdp, tracks });
  }

  #offeredTrack(published: Published): OfferedTrack {
    const { source, isMuted } = published;
    published.told();
    return { mid: this.#transceivers.get(source)?.mid ?? '', source, muted: isMuted };
  }

  #receivedOf(tracks: readonly ReceivedTrack[]): Map<string, MediaStreamTrack> {
    const byMid = new Map(
      this.#connection.getTransceivers().map(({ mid, receiver }) => [mid, receiver.track]),
    );
    const received = new Map<string, MediaStreamTrack>();
    for (const { mid, track } of tracks) {
      const media = byMid.get(mid);
      if (media !== undefined) received.set(track, media);
    }
    return received;
  }

  #attempt(work: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#isClosed ? undefined : work()))
      .catch((cause: unknown) => {
        if (!this.#isClosed) this.#options.onError(cause);
      });
  }
}
