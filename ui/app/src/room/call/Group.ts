import type { DeviceChoice } from '@kraken/client';
import type {
  CallEvent,
  CallState,
  GroupCall,
  LocalTrack,
  RemoteTrack,
  Source,
  TrackWish,
} from '@kraken/client/call';
import { mediaOf } from './devices.ts';
import type { DeviceKind } from './devices.ts';
import { Streams } from './streams.ts';

/** Somebody else, as they are received through the server's engine. */
export interface GroupPeer {
  /** Voice and camera. */
  stream: MediaStream | null;
  /** A screen, and what it plays. */
  screenStream: MediaStream | null;
  camera: RemoteTrack | undefined;
  microphone: RemoteTrack | undefined;
  screen: RemoteTrack | undefined;
  /** Whether something of theirs is on its way here, or they send nothing. */
  hasArrived: boolean;
}

const SOURCES: Record<DeviceKind, Source> = { audio: 'microphone', video: 'camera' };

const NOWHERE: CallState = {
  status: { state: 'out' },
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
};

export interface GroupOptions {
  /** Two people do without what it takes, so it is loaded when it is wanted. */
  load(): Promise<GroupCall>;
  onEvent(event: CallEvent): void;
  /** Something of somebody has come. */
  onArrival(): void;
}

/** The room's call through the server's engine: which streams it has, and how tracks get into it. */
export class Group {
  readonly #options: GroupOptions;
  readonly #streams = new Streams();
  readonly #awaited = new WeakSet<MediaStreamTrack>();
  #call: GroupCall | null = null;
  #loading: Promise<GroupCall> | null = null;

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  get state(): CallState {
    return this.#call?.state ?? NOWHERE;
  }

  /** Whether this client is in it, or about to come back. */
  get isIn(): boolean {
    const { state } = this.state.status;
    return state === 'joined' || state === 'reconnecting';
  }

  get isWanted(): boolean {
    return this.isIn || this.state.status.state === 'joining';
  }

  get isSharing(): boolean {
    return this.#published('screen') !== undefined;
  }

  /** What this client sends of itself. */
  get localStream(): MediaStream | null {
    const own = [this.#published('microphone'), this.#published('camera')];
    return this.#streams.of('', mediaOfAll(own));
  }

  /** Loads what it takes. What fails is tried again by `join`. */
  async prepare(): Promise<GroupCall> {
    this.#loading ??= this.#options.load();
    try {
      const call = await this.#loading;
      if (this.#call === null) this.#hear(call);
      this.#call = call;
      return call;
    } catch (error) {
      this.#loading = null;
      throw error;
    }
  }

  async join(): Promise<void> {
    const call = await this.prepare();
    await call.join();
  }

  leave(): void {
    for (const { media } of this.state.published) media.stop();
    this.#call?.leave();
  }

  /** Sends copies of what is open already, so that no device is asked for twice. */
  async send(stream: MediaStream | null, screen: MediaStreamTrack | null): Promise<void> {
    const call = this.#call;
    if (call === null || !this.state.mayPublish) return;
    const sent = (stream?.getTracks() ?? []).map((track) =>
      sendCopy(call, track.kind === 'audio' ? 'microphone' : 'camera', track),
    );
    if (screen !== null) sent.push(sendCopy(call, 'screen', screen));
    await Promise.all(sent);
  }

  /** Silences or blackens what is sent, or begins to send it. */
  async turn(kind: DeviceKind, on: boolean): Promise<void> {
    const source = SOURCES[kind];
    if (this.#published(source) !== undefined) this.#call?.mute(source, !on);
    else if (on && this.isIn) await this.#call?.publish(source, constraintsOf(kind));
  }

  async use(devices: DeviceChoice): Promise<void> {
    const before = this.state.published.map(({ media }) => media);
    await this.#call?.setDevices(devices);
    const after = this.state.published.map(({ media }) => media);
    for (const media of before) if (!after.includes(media)) media.stop();
  }

  async shareScreen(): Promise<void> {
    await this.#call?.shareScreen();
  }

  stopSharing(): void {
    this.#published('screen')?.media.stop();
    this.#call?.stopSharing();
  }

  receive(track: string, wish: TrackWish): void {
    this.#call?.receive(track, wish);
  }

  muteTrack(track: string): void {
    this.#call?.muteTrack(track);
  }

  remove(peerId: string): void {
    this.#call?.remove(peerId);
  }

  lock(on: boolean): void {
    this.#call?.lock(on);
  }

  /** Null unless they are in the call as well. */
  peer(peerId: string): GroupPeer | null {
    const tracks = this.state.peers.find((one) => one.peerId === peerId)?.tracks;
    if (tracks === undefined) return null;
    const find = (source: Source) => tracks.find((track) => track.source === source);
    const [camera, microphone, screen] = [find('camera'), find('microphone'), find('screen')];
    return {
      stream: this.#streams.of(`${peerId} face`, mediaOfAll([microphone, camera])),
      screenStream: this.#streams.of(
        `${peerId} screen`,
        screen === undefined ? [] : mediaOfAll([screen, find('screen-audio')]),
      ),
      camera,
      microphone,
      screen,
      hasArrived: this.#hasArrived(tracks),
    };
  }

  /** Forgets the streams of those who have gone. */
  forgetGone(): void {
    const left = new Set(this.state.peers.map(({ peerId }) => peerId));
    this.#streams.keep((name) => name === '' || left.has(name.replace(/ (face|screen)$/, '')));
  }

  #hear(call: GroupCall): void {
    call.on((event) => {
      this.#options.onEvent(event);
    });
  }

  #published(source: Source): LocalTrack | undefined {
    return this.state.published.find((one) => one.source === source);
  }

  /** Browsers call a track muted until something of it comes. */
  #hasArrived(tracks: readonly RemoteTrack[]): boolean {
    const audible = tracks.filter(({ muted, paused }) => !muted && !paused);
    for (const { media } of audible) this.#await(media);
    return audible.length === 0 || audible.some(({ media }) => media?.muted === false);
  }

  #await(media: MediaStreamTrack | null): void {
    if (media === null || this.#awaited.has(media)) return;
    this.#awaited.add(media);
    media.addEventListener('unmute', () => {
      this.#options.onArrival();
    });
  }
}

async function sendCopy(call: GroupCall, source: Source, track: MediaStreamTrack): Promise<void> {
  const copy = track.clone();
  const sending = call.publish(source, copy);
  call.mute(source, !track.enabled);
  await sending.catch((error: unknown) => {
    copy.stop();
    throw error;
  });
}

function constraintsOf(kind: DeviceKind): MediaTrackConstraints {
  const wanted = mediaOf({ audio: true, video: true })[kind];
  return typeof wanted === 'object' ? wanted : {};
}

function mediaOfAll(
  tracks: readonly ({ media: MediaStreamTrack | null } | undefined)[],
): MediaStreamTrack[] {
  return tracks.flatMap((track) => track?.media ?? []);
}
