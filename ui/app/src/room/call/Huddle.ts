import { KrakenError } from '@kraken/client';
import type { DeviceChoice, KrakenClient } from '@kraken/client';
import type { CallEvent, GroupCall, Quality, Source, TrackWish } from '@kraken/client/call';
import type { Awareness } from 'y-protocols/awareness';
import { messageOf } from '../../api/errors.ts';
import { explainDevices, isDeviceError } from './devices.ts';
import type { DeviceKind, JoinOptions } from './devices.ts';
import { Group } from './Group.ts';
import { Mesh } from './Mesh.ts';
import { participantsOf, presentIn } from './participants.ts';
import type { Participant, Present } from './participants.ts';
import type { CallPresence } from './presence.ts';
import { Preview } from './Preview.ts';
import { explainCall, hasNoEngine, isOwnDoing } from './refusal.ts';

/** What there is to say of the call beyond who is in it, once it goes through the engine. */
export interface GroupState {
  isLocked: boolean;
  isRecorded: boolean;
  mayModerate: boolean;
  mayPublish: boolean;
  isReconnecting: boolean;
  quality: Quality;
}

export interface HuddleState {
  phase: 'out' | 'joining' | 'in';
  /** Whoever else is in the call, those who spoke last first. */
  participants: readonly Participant[];
  audio: boolean;
  video: boolean;
  screen: boolean;
  /** What others get to see and hear, or would. */
  localStream: MediaStream | null;
  /** Null while people are connected directly. */
  group: GroupState | null;
  error: string | null;
  /** What one should know, though nothing is wrong. */
  note: string | null;
}

const OUT = {
  phase: 'out',
  audio: true,
  video: false,
  screen: false,
  group: null,
  note: null,
} as const;

/** From how many others on the call goes through the engine. */
const OTHERS_FOR_GROUP = 2;
/** How long others may take to come along before they are called directly. */
const MOVE_MS = 4_000;
/** An engine that is away for so long is done without. */
const FALL_BACK_MS = 12_000;

/**
 * The call of a room: one that people walk into and out of, with nothing that rings. Two are
 * connected directly: whoever comes later calls. From the third on everybody goes through the
 * server's engine, if it has one, and the direct connections end once that works.
 */
export class Huddle {
  readonly #awareness: Awareness;
  readonly #mesh: Mesh;
  readonly #group: Group;
  readonly #preview = new Preview();
  readonly #listeners = new Set<() => void>();
  #options: JoinOptions | null = null;
  #devices: DeviceChoice = {};
  #since = 0;
  /** Tells a join whether another one, or a leave, has come after it. */
  #joins = 0;
  /** When this client moved to the engine; null if it does without. */
  #movedAt: number | null = null;
  #isGroupRefused = false;
  #isMoving = false;
  #othersMove: ReturnType<typeof setTimeout> | undefined;
  #fallingBack: ReturnType<typeof setTimeout> | undefined;
  #state: HuddleState;

  constructor(client: KrakenClient, awareness: Awareness, loadGroup: () => Promise<GroupCall>) {
    this.#awareness = awareness;
    this.#mesh = new Mesh(client, {
      joinedWith: () => this.#options,
      isOpen: () => !this.#group.isIn || !this.#group.state.locked,
      onChange: () => {
        this.#look();
      },
      onLocalStream: (stream) => {
        if (stream !== null) this.#preview.close();
        else if (!this.#group.isIn) void this.#openPreview().catch(() => undefined);
      },
      onScreen: (isShared) => {
        if (!this.#group.isIn) this.#screenChanged(isShared);
      },
      onDeviceError: (error) => {
        this.#update({ error: explainDevices(error) });
      },
    });
    this.#group = new Group({
      load: loadGroup,
      onEvent: (event) => {
        this.#heardOfGroup(event);
      },
      onArrival: () => {
        this.#look();
      },
    });
    this.#state = { ...OUT, participants: [], localStream: null, error: null };
  }

  get state(): HuddleState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Follows the room until the returned function is called, which also leaves the call. */
  watch(): () => void {
    const off = this.#mesh.watch();
    this.#awareness.on('change', this.#look);
    this.#look();
    return () => {
      this.leave();
      off();
      this.#awareness.off('change', this.#look);
    };
  }

  /** Opens the devices, so that a browser asks for them now, and meets whoever is there. */
  async join(options: JoinOptions): Promise<void> {
    if (this.#state.phase !== 'out') return;
    this.#update({ phase: 'joining', error: null });
    this.#joins += 1;
    const join = this.#joins;
    const isCurrent = () => join === this.#joins;
    try {
      if (!(await this.#preview.open(options, this.#devices))) return;
      if (presentIn(this.#awareness).some(({ call }) => call.group)) await this.#joinGroup();
    } catch (error) {
      if (isCurrent()) this.#refused(error);
      return;
    }
    if (isCurrent()) this.#walkIn(options);
  }

  leave(): void {
    if (this.#state.phase === 'out') return;
    this.#joins += 1;
    this.#options = null;
    this.#leaveGroup();
    this.#isGroupRefused = false;
    this.#mesh.hangUp();
    this.#preview.close();
    if (this.#awareness.getLocalState() !== null) {
      this.#awareness.setLocalStateField('call', null);
    }
    this.#update({ ...OUT, localStream: null, error: null });
    this.#look();
  }

  setAudio(on: boolean): void {
    this.#turn('audio', on);
  }

  setVideo(on: boolean): void {
    this.#turn('video', on);
  }

  /** Another camera or microphone, from now on. */
  async use(devices: DeviceChoice): Promise<void> {
    try {
      await this.#mesh.use(devices);
      await this.#group.use(devices);
      this.#devices = { ...this.#devices, ...devices };
      if (this.#preview.stream !== null) await this.#openPreview();
      this.#update({ error: null });
    } catch (error) {
      this.#update({ error: explainDevices(error) });
    }
    this.#look();
  }

  async setScreen(on: boolean): Promise<void> {
    const sharing = this.#group.isIn ? this.#group : this.#mesh;
    try {
      if (on) await sharing.shareScreen();
      else await sharing.stopSharing();
      this.#update({ screen: on, error: null });
    } catch (error) {
      this.#update({ screen: false, error: `The screen can’t be shared. ${messageOf(error)}` });
    }
    this.#publish();
  }

  tryAgain(peerId: string): void {
    this.#mesh.tryAgain(peerId);
  }

  /** How a track that comes through the engine is shown, so that no more of it is sent. */
  receive(track: string, wish: TrackWish): void {
    this.#group.receive(track, wish);
  }

  /** For admins: somebody is silent until they unmute by themselves. */
  silence(track: string): void {
    this.#attempt(() => {
      this.#group.muteTrack(track);
    });
  }

  /** For admins: somebody has to leave. */
  remove(peerId: string): void {
    this.#attempt(() => {
      this.#group.remove(peerId);
    });
  }

  /** For admins: whether nobody else can join. */
  lock(on: boolean): void {
    this.#attempt(() => {
      this.#group.lock(on);
    });
  }

  #refused(error: unknown): void {
    const isOfCall = error instanceof KrakenError;
    this.#leaveGroup();
    this.#preview.close();
    this.#update({ phase: 'out', error: isOfCall ? explainCall(error) : explainDevices(error) });
  }

  #walkIn(options: JoinOptions): void {
    this.#options = options;
    this.#since = Date.now();
    this.#mesh.mute('audio', false);
    this.#mesh.mute('video', false);
    const { audio, video } = options;
    this.#update({ phase: 'in', audio, video, screen: false, note: null });
    if (this.#group.isIn) this.#moved();
    // While the server can be reached; if that fails it is tried again when it is wanted.
    else this.#group.prepare().catch(() => undefined);
    this.#publish();
    this.#look();
  }

  #turn(kind: DeviceKind, on: boolean): void {
    if (on && this.#options?.[kind] === false) {
      if (!this.#group.isIn) {
        void this.#rejoin({ [kind]: true });
        return;
      }
      this.#options = { ...this.#options, [kind]: true };
    }
    this.#mesh.mute(kind, !on);
    this.#preview.mute(kind, !on);
    this.#group.turn(kind, on).catch((error: unknown) => {
      this.#update({ [kind]: false, error: explainSending(error) });
      this.#publish();
    });
    this.#update({ [kind]: on, note: null });
    this.#publish();
  }

  /** What a direct call was begun with can't be added to it, so it is begun anew. */
  async #rejoin(change: Partial<JoinOptions>): Promise<void> {
    if (this.#options === null) return;
    const before = { ...this.#options };
    const { audio, video } = this.#state;
    this.leave();
    await this.join({ ...before, ...change });
    // Whoever was silent, or unseen, stays so.
    if (before.audio && !audio) this.setAudio(false);
    if (before.video && !video) this.setVideo(false);
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#update({ error: explainCall(error) });
    }
  }

  #heardOfGroup(event: CallEvent): void {
    switch (event.type) {
      case 'change':
        this.#groupChanged();
        break;
      case 'muted':
        this.#silenced(event.source);
        break;
      case 'error':
        if (this.#group.isIn) this.#update({ error: explainCall(event.error) });
        break;
      case 'peer-joined':
      case 'peer-left':
      case 'data':
        break;
    }
  }

  #groupChanged(): void {
    const { status, quality } = this.#group.state;
    if (status.state === 'ended' && this.#movedAt !== null) {
      this.leave();
      this.#update({ error: explainCall(status.error) });
      return;
    }
    this.#fallBackLater(status.state === 'reconnecting' && status.because !== 'connection');
    if (this.#movedAt !== null && this.#group.isSharing !== this.#state.screen) {
      this.#screenChanged(this.#group.isSharing);
    }
    const isOther = this.#movedAt !== null && quality !== this.#state.group?.quality;
    this.#group.forgetGone();
    this.#look();
    if (isOther) this.#publish();
  }

  #silenced(source: Source): void {
    if (source === 'camera') this.#update({ video: false });
    if (source === 'microphone') this.#update({ audio: false });
    if (source === 'screen') this.#group.stopSharing();
    this.#update({ note: `An admin has turned your ${source.replace('-', ' ')} off.` });
    this.#publish();
  }

  #screenChanged(screen: boolean): void {
    if (screen === this.#state.screen) return;
    this.#update({ screen });
    this.#publish();
  }

  /** Takes in who is in the call, and reaches for whom this client has to reach. */
  readonly #look = (): void => {
    const present = presentIn(this.#awareness);
    this.#update({
      participants: participantsOf(present, this.#mesh, this.#group),
      localStream: this.#group.localStream ?? this.#mesh.localStream ?? this.#preview.stream,
      group: this.#groupState(),
    });
    if (this.#options === null) return;
    if (this.#needsGroup(present)) void this.#move();
    for (const { call } of present) this.#reach(call);
  };

  #reach(call: CallPresence): void {
    const { peerId } = call;
    const isDirect = this.#mesh.streamOf(peerId) !== null;
    if (isDirect && this.#group.peer(peerId)?.hasArrived === true) this.#mesh.handOver(peerId);
    const isMissing = !isDirect && !this.#mesh.hasFailed(peerId);
    if (isMissing && this.#isDirectlyReached(call) && this.#isMyTurn(call)) this.#mesh.call(peerId);
  }

  /** Whoever isn't where this client is, and has had the time to come along. */
  #isDirectlyReached({ group }: CallPresence): boolean {
    if (!this.#isMoving && !this.#group.isWanted) return true;
    return !group && this.#movedAt !== null && Date.now() - this.#movedAt >= MOVE_MS;
  }

  /** Of two, exactly one calls: whoever came in later. */
  #isMyTurn(other: CallPresence): boolean {
    if (other.since !== this.#since) return other.since < this.#since;
    return other.peerId < this.#mesh.peerId;
  }

  #needsGroup(present: readonly Present[]): boolean {
    if (this.#isGroupRefused || this.#isMoving || this.#group.isWanted) return false;
    return present.length >= OTHERS_FOR_GROUP || present.some(({ call }) => call.group);
  }

  async #move(): Promise<void> {
    this.#isMoving = true;
    try {
      await this.#joinGroup();
      if (this.#options !== null && this.#group.isIn) this.#moved();
    } catch (error) {
      if (isOwnDoing(error)) return;
      this.#isGroupRefused = true;
      this.#update({ error: explainCall(error) });
    } finally {
      this.#isMoving = false;
    }
    this.#publish();
    this.#look();
  }

  /** That there is no engine is no failure. */
  async #joinGroup(): Promise<void> {
    try {
      await this.#group.join();
      // Nothing is sent yet, so that this says what to open later.
      await this.#group.use(this.#devices);
    } catch (error) {
      if (!hasNoEngine(error)) throw error;
      this.#isGroupRefused = true;
    }
  }

  #moved(): void {
    this.#movedAt = Date.now();
    if (!this.#group.state.mayPublish) this.#update({ audio: false, video: false });
    this.#othersMove = setTimeout(this.#look, MOVE_MS);
    this.#group
      .send(this.#mesh.localStream ?? this.#preview.stream, this.#mesh.screen)
      .catch((error: unknown) => {
        if (!isOwnDoing(error)) this.#update({ error: explainCall(error) });
      });
    this.#preview.close();
  }

  #fallBackLater(isAway: boolean): void {
    if (!isAway) {
      clearTimeout(this.#fallingBack);
      this.#fallingBack = undefined;
      return;
    }
    this.#fallingBack ??= setTimeout(() => {
      this.#isGroupRefused = true;
      this.#leaveGroup();
      this.#publish();
      void this.#openPreview().catch(() => undefined);
    }, FALL_BACK_MS);
  }

  #leaveGroup(): void {
    clearTimeout(this.#othersMove);
    clearTimeout(this.#fallingBack);
    this.#fallingBack = undefined;
    this.#mesh.keepAll();
    this.#movedAt = null;
    this.#group.leave();
  }

  #groupState(): GroupState | null {
    if (this.#movedAt === null) return null;
    const { status, locked, recorded, mayModerate, mayPublish, quality } = this.#group.state;
    return {
      isLocked: locked,
      isRecorded: recorded,
      mayModerate,
      mayPublish,
      isReconnecting: status.state !== 'joined',
      quality,
    };
  }

  #publish(): void {
    const { phase, audio, video, screen } = this.#state;
    if (phase !== 'in') return;
    const call: CallPresence = {
      peerId: this.#mesh.peerId,
      since: this.#since,
      audio,
      video,
      screen,
      group: this.#movedAt !== null,
      quality: this.#group.state.quality,
    };
    this.#awareness.setLocalStateField('call', call);
  }

  /** Shows the user what others would see, for as long as nobody does. */
  async #openPreview(): Promise<void> {
    const options = this.#options;
    if (options === null) return;
    if (!(await this.#preview.open(options, this.#devices))) return;
    this.#preview.mute('audio', !this.#state.audio);
    this.#preview.mute('video', !this.#state.video);
    this.#look();
  }

  #update(change: Partial<HuddleState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function explainSending(error: unknown): string {
  return isDeviceError(error) ? explainDevices(error) : explainCall(error);
}
