/** A room's media engine without media, and a browser's connection to it. */
import type { FromClient, Member, ReceivedTrack, ToClient } from '../src/group/protocol.js';
import type { FakeSocket } from './fakes.js';
import { FakeSockets, FakeTrack, settle } from './fakes.js';

interface FakeEncoding {
  rid?: string;
  scaleResolutionDownBy?: number;
  maxBitrate?: number;
}

export class FakeTransceiver {
  mid: string | null = null;
  direction: string;
  readonly encodings: FakeEncoding[];
  readonly receiver: { track: FakeTrack };
  readonly sender: { track: FakeTrack | null; replaceTrack(track: FakeTrack | null): Promise<void> };

  constructor(track: FakeTrack | null, direction: string, encodings: FakeEncoding[]) {
    this.direction = direction;
    this.encodings = encodings;
    this.receiver = { track: new FakeTrack('video') };
    this.sender = {
      track,
      replaceTrack: (next) => {
        this.sender.track = next;
        return Promise.resolve();
      },
    };
  }
}

export class FakeDataChannel {
  readyState = 'open';
  binaryType = 'blob';
  bufferedAmount = 0;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly sent: Uint8Array[] = [];

  constructor(
    readonly label: string,
    readonly options: RTCDataChannelInit,
  ) {}

  send(data: Uint8Array): void {
    this.sent.push(data);
  }
}

/** A connection whose descriptions are numbered, as far as group calls use one. */
export class FakeLinkConnection {
  static all: FakeLinkConnection[] = [];

  onconnectionstatechange: (() => void) | null = null;
  connectionState = 'new';
  signalingState = 'stable';
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription: { type: string; sdp: string } | null = null;
  readonly transceivers: FakeTransceiver[] = [];
  readonly channels: FakeDataChannel[] = [];
  stats: object[] = [];
  restarts = 0;
  isClosed = false;
  #descriptions = 0;

  constructor(readonly config: RTCConfiguration) {
    FakeLinkConnection.all.push(this);
  }

  static get last(): FakeLinkConnection {
    const connection = FakeLinkConnection.all.at(-1);
    if (connection === undefined) throw new Error('no connection was made');
    return connection;
  }

  channel(label: string): FakeDataChannel {
    const channel = this.channels.find((one) => one.label === label);
    if (channel === undefined) throw new Error(`there is no channel ${label}`);
    return channel;
  }

  createDataChannel(label: string, options: RTCDataChannelInit): FakeDataChannel {
    const channel = new FakeDataChannel(label, options);
    this.channels.push(channel);
    return channel;
  }

  addTransceiver(
    track: FakeTrack,
    { direction, sendEncodings }: { direction: string; sendEncodings: FakeEncoding[] },
  ): FakeTransceiver {
    const transceiver = new FakeTransceiver(track, direction, sendEncodings);
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }

  restartIce(): void {
    this.restarts += 1;
  }

  getStats(): Promise<Map<number, object>> {
    return Promise.resolve(new Map(this.stats.entries()));
  }

  async setLocalDescription(description?: { type: string }): Promise<void> {
    await Promise.resolve();
    if (description?.type === 'rollback') {
      this.signalingState = 'stable';
      return;
    }
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
    if (this.signalingState === 'have-local-offer') throw new Error('there is an offer already');
    this.transceivers.forEach((transceiver, index) => (transceiver.mid ??= String(index)));
    this.#descriptions += 1;
    this.localDescription = { type, sdp: `${type} ${String(this.#descriptions)}` };
    this.signalingState = type === 'answer' ? 'stable' : 'have-local-offer';
  }

  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    await Promise.resolve();
    if (description.sdp === 'nonsense') throw new Error('it is no description');
    const isOffer = description.type === 'offer';
    if (isOffer !== (this.signalingState === 'stable')) {
      throw new Error(`${description.type} in ${this.signalingState}`);
    }
    this.remoteDescription = description;
    this.signalingState = isOffer ? 'have-remote-offer' : 'stable';
    // What the server sends comes on sections of its own.
    for (const mid of isOffer ? description.sdp.split(' ') : []) {
      if (this.transceivers.some((one) => one.mid === mid)) continue;
      const transceiver = new FakeTransceiver(null, 'recvonly', []);
      transceiver.mid = mid;
      this.transceivers.push(transceiver);
    }
  }

  becomes(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close(): void {
    this.isClosed = true;
    this.connectionState = 'closed';
  }
}

type Said<Type> = Extract<FromClient, { type: Type }>;

/** The server's side of one client's call, which takes whatever it is told to take. */
export class FakeEngine {
  readonly sockets = new FakeSockets();
  /** Answered by itself unless a test says otherwise. */
  answersJoin = true;
  answersPublish = true;
  peers: Member[] = [];
  rights = { mayPublish: true, mayModerate: false };
  knownSession: string | null = null;
  readonly #tracks = new Map<string, string>();
  #sessions = 0;
  #offers = 0;

  get socket(): FakeSocket {
    return this.sockets.last;
  }

  /** Opens the socket that the client waits for. */
  async open(): Promise<void> {
    await settle();
    const { socket } = this;
    socket.onSaid = (message) => {
      queueMicrotask(() => {
        this.#heard(message);
      });
    };
    socket.onopen?.();
    await settle();
  }

  /** All that this socket has heard of one type. */
  said<Type extends FromClient['type']>(type: Type): Said<Type>[] {
    return this.socket.said.filter((message): message is Said<Type> => message.type === type);
  }

  async tell(message: ToClient): Promise<void> {
    this.socket.receiveCall(message);
    await settle();
  }

  async refuse(code: string, about: string | null = null): Promise<void> {
    await this.tell({ type: 'error', code, message: `it is ${code}`, about });
  }

  /** Offers tracks, each on a section of its own. */
  async offer(...tracks: string[]): Promise<number> {
    this.#offers += 1;
    const received: ReceivedTrack[] = tracks.map((track) => ({ mid: `server-${track}`, track }));
    const sdp = received.map(({ mid }) => mid).join(' ');
    await this.tell({ type: 'offer', offer: this.#offers, sdp, tracks: received });
    return this.#offers;
  }

  answerPublish({ tracks }: Said<'publish'>): ToClient {
    return {
      type: 'answer',
      sdp: 'answer',
      tracks: tracks.map(({ source, muted }) => {
        const kind = source === 'camera' || source === 'screen' ? 'video' : 'audio';
        return { track: this.#nameOf(source), kind, source, muted };
      }),
    };
  }

  join({ session = '' }: Partial<Said<'join'>> = {}): ToClient {
    const resumed = session === this.knownSession;
    if (!resumed) this.#sessions += 1;
    this.knownSession = `session ${String(this.#sessions)}`;
    const { peers, rights } = this;
    const about = { session: this.knownSession, resumed, peers, locked: false, recorded: false };
    return { type: 'joined', ...about, ...rights };
  }

  /** A track keeps its name for as long as its session lasts. */
  #nameOf(source: string): string {
    const key = `${String(this.#sessions)} ${source}`;
    const name = this.#tracks.get(key) ?? `own-${String(this.#tracks.size + 1)}`;
    this.#tracks.set(key, name);
    return name;
  }

  #heard(message: FromClient): void {
    if (message.type === 'join' && this.answersJoin) this.socket.receiveCall(this.join(message));
    if (message.type === 'publish' && this.answersPublish) {
      this.socket.receiveCall(this.answerPublish(message));
    }
  }
}

/** Somebody who sends a picture and a voice. */
export function memberWith(peer: string, ...tracks: string[]): Member {
  return {
    peer,
    name: peer.toUpperCase(),
    metadata: null,
    tracks: tracks.map((track) => ({
      track,
      kind: track.startsWith('voice') ? 'audio' : 'video',
      source: track.startsWith('voice') ? 'microphone' : 'camera',
      muted: false,
    })),
  };
}
