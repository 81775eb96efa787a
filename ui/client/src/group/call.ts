import { Emitter } from '../emitter.js';
import { KrakenError, messageOf } from '../errors.js';
import type { DeviceChoice } from '../media.js';
import { connectionOf, randomId } from '../participant.js';
import type { KrakenClientOptions } from '../participant.js';
import { pack } from './data.js';
import { Devices, openScreen } from './devices.js';
import type { Device } from './devices.js';
import type { CallEvent, CallListener, CallState, CallStatus } from './events.js';
import { Link } from './link.js';
import type { Joined, Member, Moderation, Problem, Source, TrackWish } from './protocol.js';
import { Published } from './published.js';
import { Roster } from './roster.js';
import { Session } from './session.js';
import type { InCall } from './session.js';
import { Watch } from './watch.js';
import { Wishes } from './wishes.js';

/** As a `KrakenClient` takes them. */
export type GroupCallOptions = KrakenClientOptions;

export interface SendOptions {
  /** The peer id of the only one to get it. Default: everybody. */
  to?: string;
  /** Whether it may get lost or overtaken, rather than hold up what comes after it. */
  lossy?: boolean;
}

/** What the server says to something that was right when it was sent. */
const OVERTAKEN = new Set(['not_joined', 'no_such_offer', 'no_such_track', 'no_such_peer']);

const NOTHING = {
  peers: [],
  published: [],
  speaking: [],
  spoken: [],
  mayPublish: false,
  mayModerate: false,
  locked: false,
  recorded: false,
  quality: 'unknown',
  estimate: null,
} as const;

/**
 * A call of many through the server's media engine: each client sends its tracks once, however
 * many receive them. It comes back by itself from whatever interrupts it.
 */
export class GroupCall {
  /** How others see this client. */
  readonly peerId: string;
  readonly #options: GroupCallOptions;
  readonly #emitter = new Emitter<CallEvent>();
  readonly #session: Session;
  readonly #roster = new Roster();
  readonly #wishes = new Wishes((message) => this.#session.send(message));
  readonly #devices = new Devices();
  readonly #published = new Map<Source, Published>();
  readonly #watch: Watch;
  #link: Link | null = null;
  #state: CallState = { status: { state: 'out' }, ...NOTHING };
  /** One device is opened after the other, so that none is opened twice. */
  #opening: Promise<unknown> = Promise.resolve();

  constructor(options: GroupCallOptions) {
    const { peerId = randomId(), name, metadata } = options;
    this.peerId = peerId;
    this.#options = options;
    this.#session = new Session({
      connection: connectionOf(options),
      peer: peerId,
      name,
      metadata,
      onJoined: (joined) => {
        this.#joined(joined);
      },
      onMessage: (message) => {
        this.#receive(message);
      },
      onStatus: (status) => {
        this.#statusChanged(status);
      },
      onError: (error) => {
        this.#emitter.emit({ type: 'error', error });
      },
    });
    this.#watch = new Watch({
      connection: () => this.#link?.connection ?? null,
      isStarved: () => this.#roster.isStarved((track) => this.#wishes.isWanted(track)),
      onQuality: (quality) => {
        if (quality !== this.#state.quality) this.#update({ quality });
      },
      onFreezes: (freezes) => {
        this.#session.send({ type: 'report', freezes });
      },
    });
  }

  /** Another object whenever something in it has changed. */
  get state(): CallState {
    return this.#state;
  }

  /** @returns what takes the listener off again */
  on(listener: CallListener): () => void {
    return this.#emitter.on(listener);
  }

  /**
   * Resolves once in the call; rejects if that is refused, with the server's code as the error's
   * `reason`: `no_engine`, for example. What interrupts the call later is mended by itself.
   */
  join(): Promise<void> {
    // Programs that bring their own WebRTC have no page.
    if ('addEventListener' in globalThis) addEventListener('pagehide', this.#leavePage);
    return this.#session.join();
  }

  /** Leaves, and closes the devices that were opened here. `join` may be called again. */
  leave(): void {
    this.#session.leave();
  }

  /**
   * Sends the camera, the microphone, or a track of the app's own, in place of what was sent as
   * this before. Resolves once the server has taken it. Tracks of the app's own are never stopped
   * here.
   */
  async publish(
    source: Source,
    media: MediaStreamTrack | MediaTrackConstraints = {},
  ): Promise<void> {
    this.#checkPublishing();
    if (isTrack(media)) return this.#publish(source, media, false);
    if (source !== 'camera' && source !== 'microphone') {
      throw new KrakenError('media', `the ${source} needs a track: see shareScreen`);
    }
    const opened = await this.#inTurn(() => this.#devices.open(source, media));
    if (this.#isOut) opened.stop();
    this.#checkPublishing();
    return this.#publish(source, opened, true);
  }

  /** Others no longer receive it. What was opened here is closed. */
  unpublish(source: Source): void {
    const published = this.#published.get(source);
    if (published !== undefined) {
      this.#drop(published, new KrakenError('disconnected', `the ${source} was taken back`));
    }
  }

  /** Lets the user choose a screen, and sends it, with what it plays if the browser can. */
  async shareScreen(options: DisplayMediaStreamOptions = { audio: true }): Promise<void> {
    this.#checkPublishing();
    const screen = await openScreen({ video: true, ...options });
    const [picture] = screen.getVideoTracks();
    const [sound] = screen.getAudioTracks();
    if (picture === undefined || this.#isOut) {
      for (const track of screen.getTracks()) track.stop();
      throw new KrakenError('media', 'no screen: it has no picture, or the call is over');
    }
    const sent = [this.#publish('screen', picture, true)];
    if (sound !== undefined) sent.push(this.#publish('screen-audio', sound, true));
    await Promise.all(sent);
  }

  stopSharing(): void {
    this.unpublish('screen');
    this.unpublish('screen-audio');
  }

  /** Silences or blackens a track of this client's own, and tells the others that it is. */
  mute(source: Source, on = true): void {
    const published = this.#published.get(source);
    if (published === undefined) return;
    published.mute(on);
    this.#tellMutes();
    this.#showPublished();
  }

  /**
   * Uses another camera or microphone from now on, without a gap. Rejects, and leaves everything
   * as it was, if it can't be had.
   */
  async setDevices({ audioInput, videoInput }: DeviceChoice): Promise<void> {
    await this.#inTurn(async () => {
      if (audioInput !== undefined) await this.#choose('microphone', audioInput);
      if (videoInput !== undefined) await this.#choose('camera', videoInput);
    });
  }

  /** How a track of somebody else's is wanted: not at all, or at which size it is shown. */
  receive(track: string, wish: TrackWish): void {
    this.#wishes.set(track, wish);
  }

  /**
   * Sends up to 16 KiB, less the length of a peer id, to everybody or to one. Throws if that can't
   * be done now.
   */
  send(data: string | ArrayBuffer | Uint8Array, { to, lossy = false }: SendOptions = {}): void {
    if (this.#link?.send(pack(data, to), lossy) !== true) {
      throw new KrakenError('not-connected', 'there is no connection to send over');
    }
  }

  /** Admins only: nothing of the track goes to anybody until its publisher unmutes it. */
  muteTrack(track: string): void {
    this.#moderate({ action: 'mute-track', track });
  }

  /** Admins only: puts somebody out of the call. */
  remove(peerId: string): void {
    this.#moderate({ action: 'remove', peer: peerId });
  }

  /** Admins only: nobody but admins can join, or everybody again. */
  lock(on = true): void {
    this.#moderate({ action: 'lock', locked: on });
  }

  get #isOut(): boolean {
    const { state } = this.#state.status;
    return state === 'out' || state === 'ended';
  }

  readonly #leavePage = (): void => {
    this.leave();
  };

  #checkPublishing(): void {
    if (this.#isOut) throw new KrakenError('not-connected', 'join the call first');
    const { status, mayPublish } = this.#state;
    if (status.state === 'joined' && !mayPublish) {
      const reason = 'not_allowed';
      throw new KrakenError('call-refused', 'this token only lets you receive', { reason });
    }
  }

  async #publish(source: Source, media: MediaStreamTrack, isOwned: boolean): Promise<void> {
    const existing = this.#published.get(source);
    const published = existing ?? this.#add(source, media, isOwned);
    if (existing !== undefined) await this.#swap(existing, media, isOwned);
    await published.accepted.promise;
  }

  #add(source: Source, media: MediaStreamTrack, isOwned: boolean): Published {
    const published = new Published(source, media, isOwned, () => {
      this.unpublish(source);
    });
    this.#published.set(source, published);
    this.#link?.publish(published);
    this.#showPublished();
    return published;
  }

  /** Sends another track in place of one that is sent, which ends only then. */
  async #swap(published: Published, media: MediaStreamTrack, isOwned: boolean): Promise<void> {
    media.enabled = !published.isMuted;
    await this.#link?.replace(published, media);
    if (this.#published.get(published.source) === published) {
      published.replace(media, isOwned);
      this.#showPublished();
    } else if (isOwned) {
      media.stop();
    }
  }

  #drop(published: Published, error: KrakenError): void {
    this.#published.delete(published.source);
    published.close();
    published.accepted.reject(error);
    this.#link?.unpublish(published);
    this.#showPublished();
  }

  async #choose(device: Device, id: string): Promise<void> {
    const published = this.#published.get(device);
    if (published === undefined) {
      this.#devices.choose(device, id);
      return;
    }
    const next = await this.#devices.reopen(device, id, published.media);
    await this.#swap(published, next, true);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#opening.then(work);
    this.#opening = done.catch(() => undefined);
    return done;
  }

  #moderate(moderation: Moderation): void {
    if (!this.#session.send({ type: 'moderate', ...moderation })) {
      throw new KrakenError('not-connected', 'not in the call');
    }
  }

  #statusChanged(status: CallStatus): void {
    if (status.state === 'out' || status.state === 'ended') this.#close();
    this.#update({ status, ...(this.#link === null && NOTHING) });
  }

  #close(): void {
    if ('removeEventListener' in globalThis) removeEventListener('pagehide', this.#leavePage);
    this.#watch.stop();
    this.#wishes.clear();
    this.#roster.reset([]);
    this.#closeLink();
    for (const published of this.#published.values()) {
      published.close();
      published.accepted.reject(new KrakenError('disconnected', 'the call is over'));
    }
    this.#published.clear();
  }

  #joined({ resumed, peers, mayPublish, mayModerate, locked, recorded }: Joined): void {
    this.#roster.reset(peers);
    this.#wishes.keep(this.#roster.tracks);
    this.#wishes.repeat();
    if (resumed && this.#link !== null) this.#link.resume();
    else this.#connect();
    this.#tellMutes();
    this.#watch.start();
    this.#update({ mayPublish, mayModerate, locked, recorded, peers: this.#roster.peers });
  }

  #connect(): void {
    this.#closeLink();
    for (const published of this.#published.values()) published.forgetId();
    this.#link = new Link(
      {
        createConnection: () => this.#createConnection(),
        send: (message) => {
          this.#session.send(message);
        },
        onReceived: (media) => {
          this.#roster.receive(media);
          this.#showPeers();
        },
        onAccepted: () => {
          this.#tellMutes();
          this.#showPublished();
        },
        onData: ({ from, data }, lossy) => {
          this.#emitter.emit({ type: 'data', peerId: from, data, lossy });
        },
        onState: (state) => {
          if (state === 'disconnected' || state === 'failed') this.#link?.restart();
        },
        onError: (cause) => {
          this.#failed(cause);
        },
      },
      this.#published.values(),
    );
  }

  #createConnection(): RTCPeerConnection {
    const Connection = this.#options.RTCPeerConnection ?? globalThis.RTCPeerConnection;
    // The engine is reached directly: there is no need to know how others see this client.
    const { iceServers = [] } = this.#options;
    return new Connection({ iceServers, bundlePolicy: 'max-bundle' });
  }

  #closeLink(): void {
    this.#link?.close();
    this.#link = null;
    this.#roster.receive(new Map());
  }

  /** The browser doesn't get on with what the engine describes: that is over, the call isn't. */
  #failed(cause: unknown): void {
    const message = `the connection failed: ${messageOf(cause)}`;
    this.#emitter.emit({ type: 'error', error: new KrakenError('call-ended', message, { cause }) });
    this.#session.beginAnew();
  }

  #receive(message: InCall): void {
    switch (message.type) {
      case 'answer':
        this.#link?.answered(message.sdp, message.tracks);
        break;
      case 'offer':
        this.#link?.offered(message.offer, message.sdp, message.tracks);
        break;
      case 'peer':
        this.#peerChanged(message);
        break;
      case 'peer-left':
        this.#peerLeft(message.peer);
        break;
      case 'speakers':
        this.#update({ speaking: message.active, spoken: message.order });
        break;
      case 'layers':
        this.#roster.choose(message.tracks);
        this.#update({ peers: this.#roster.peers, estimate: message.estimate });
        break;
      case 'muted':
        this.#silenced(message.track);
        break;
      case 'locked':
        this.#update({ locked: message.locked });
        break;
      case 'recorded':
        this.#update({ recorded: message.recorded });
        break;
      case 'error':
        this.#problem(message);
        break;
    }
  }

  #peerChanged(member: Member): void {
    const isNew = this.#roster.find(member.peer) === undefined;
    this.#roster.set(member);
    this.#showPeers();
    const peer = this.#roster.find(member.peer);
    if (isNew && peer !== undefined) this.#emitter.emit({ type: 'peer-joined', peer });
  }

  #peerLeft(peerId: string): void {
    const peer = this.#roster.find(peerId);
    if (peer === undefined) return;
    this.#roster.remove(peerId);
    this.#showPeers();
    this.#emitter.emit({ type: 'peer-left', peer });
  }

  #silenced(track: string): void {
    const published = [...this.#published.values()].find(({ id }) => id === track);
    if (published === undefined) return;
    published.mute(true);
    published.told();
    this.#showPublished();
    this.#emitter.emit({ type: 'muted', source: published.source });
  }

  #problem({ code, message, about }: Problem): void {
    const error = new KrakenError('call-refused', message, { reason: code });
    if (about === 'publish') this.#publishRefused(error);
    else if (!OVERTAKEN.has(code)) this.#emitter.emit({ type: 'error', error });
  }

  /** What the server hasn't taken yet is what it doesn't take. */
  #publishRefused(error: KrakenError): void {
    const refused = [...this.#published.values()].filter(({ id }) => id === null);
    const isAsBefore = this.#link?.refused() === true;
    if (!isAsBefore && refused.length === 0) {
      this.#session.refuse(error);
      return;
    }
    for (const published of refused) this.#drop(published, error);
    if (!isAsBefore) this.#connect();
    this.#emitter.emit({ type: 'error', error });
  }

  #tellMutes(): void {
    for (const published of this.#published.values()) {
      const { id, isMuted, isUntold } = published;
      if (id === null || !isUntold) continue;
      if (this.#session.send({ type: 'mute', track: id, muted: isMuted })) published.told();
    }
  }

  #showPeers(): void {
    this.#wishes.keep(this.#roster.tracks);
    this.#update({ peers: this.#roster.peers });
  }

  #showPublished(): void {
    this.#update({ published: [...this.#published.values()].map(({ shown }) => shown) });
  }

  #update(change: Partial<CallState>): void {
    this.#state = { ...this.#state, ...change };
    this.#emitter.emit({ type: 'change', state: this.#state });
  }
}

/** Joins a room's call. Resolves once in it. */
export async function joinCall(options: GroupCallOptions): Promise<GroupCall> {
  const call = new GroupCall(options);
  await call.join();
  return call;
}

function isTrack(media: MediaStreamTrack | MediaTrackConstraints): media is MediaStreamTrack {
  return 'readyState' in media;
}
