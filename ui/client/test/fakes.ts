/** A room without a network, and browsers' WebRTC without media. */
import { vi } from 'vitest';
import type { FromClient, ToClient } from '../src/group/protocol.js';
import type { WebSocketConstructor } from '../src/index.js';
import { SignalType } from '../src/protocol.js';

export interface Signal {
  type: number;
  from?: string;
  to?: string;
  callId?: string;
  sdp?: string;
  name?: string;
  metadata?: unknown;
  reason?: string;
  candidate?: RTCIceCandidateInit;
  media?: { video: boolean; audio: boolean };
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  // What a timer sets off at once counts as a millisecond later.
  await vi.advanceTimersByTimeAsync(1);
}

export class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: Signal[] = [];
  /** What was said of a group call. */
  readonly said: FromClient[] = [];
  /** What was sent as bytes. */
  readonly frames: Uint8Array[] = [];
  isClosed = false;
  onSent: (signal: Signal) => void = () => undefined;
  onSaid: (message: FromClient) => void = () => undefined;

  constructor(readonly url: string) {}

  send(data: string | Uint8Array): void {
    if (typeof data !== 'string') {
      this.frames.push(data);
      return;
    }
    const { signal, call } = JSON.parse(data) as { signal?: Signal; call?: FromClient };
    if (call !== undefined) {
      this.said.push(call);
      this.onSaid(call);
    }
    if (signal !== undefined) {
      this.sent.push(signal);
      this.onSent(signal);
    }
  }

  close(): void {
    this.isClosed = true;
    this.onClosed();
  }

  onClosed: () => void = () => undefined;

  receive(data: unknown): void {
    this.onmessage?.({ data });
  }

  receiveCall(call: ToClient): void {
    this.receive(JSON.stringify({ kraken: 'call', call }));
  }

  receiveSignal(signal: object): void {
    this.receive(JSON.stringify({ kraken: 'signal', signal }));
  }

  receiveError(code: string, to?: string): void {
    this.receive(JSON.stringify({ kraken: 'error', code, message: `it is ${code}`, to }));
  }

  receivePeers(peers: object[] = []): void {
    this.receiveSignal({ type: SignalType.PeerList, peers });
  }

  breakWith(code: number, reason = ''): void {
    this.onClosed();
    this.onclose?.({ code, reason });
  }
}

/** Sockets that the test answers by hand. */
export class FakeSockets {
  readonly all: FakeSocket[] = [];

  readonly WebSocket = this.#socketClass();

  get last(): FakeSocket {
    const socket = this.all.at(-1);
    if (socket === undefined) throw new Error('no socket was opened');
    return socket;
  }

  /** Plays the server up to the list of peers. */
  async admit(peers: object[] = []): Promise<void> {
    await settle();
    this.last.onopen?.();
    this.last.receivePeers(peers);
    await settle();
  }

  #socketClass(): WebSocketConstructor {
    const { all } = this;
    return class extends FakeSocket {
      constructor(url: string) {
        super(url);
        all.push(this);
      }
    } as unknown as WebSocketConstructor;
  }
}

interface Member {
  socket: FakeSocket;
  peer: { peerId: string; name: string | null; metadata: unknown };
}

/** A server's room: announces, forwards in order, and says who is there. */
export class FakeRoom {
  readonly members = new Map<string, Member>();
  readonly WebSocket = this.#socketClass();

  socketOf(peerId: string): FakeSocket {
    const member = this.members.get(peerId);
    if (member === undefined) throw new Error(`${peerId} isn't in the room`);
    return member.socket;
  }

  /** What has been sent by a member, of one type. */
  sentBy(peerId: string, type: number): Signal[] {
    return this.socketOf(peerId).sent.filter((signal) => signal.type === type);
  }

  #socketClass(): WebSocketConstructor {
    const join = (socket: FakeSocket) => {
      this.#join(socket);
    };
    return class extends FakeSocket {
      constructor(url: string) {
        super(url);
        join(this);
      }
    } as unknown as WebSocketConstructor;
  }

  #join(socket: FakeSocket): void {
    let peerId = '';
    socket.onSent = (signal) => {
      if (signal.type === SignalType.Announce) peerId = signal.from ?? '';
      queueMicrotask(() => {
        if (signal.type === SignalType.Announce) this.#announce(socket, signal);
        else this.#forward(socket, peerId, signal);
      });
    };
    socket.onClosed = () => {
      if (this.members.get(peerId)?.socket !== socket) return;
      this.members.delete(peerId);
      this.#tellOthers(peerId, { type: SignalType.PeerLeft, from: peerId, peerId });
    };
    queueMicrotask(() => socket.onopen?.());
  }

  #announce(socket: FakeSocket, { from: peerId = '', name = '', metadata }: Signal): void {
    const peer = { peerId, name, metadata };
    const others = [...this.members.values()].filter((member) => member.socket !== socket);
    const isNew = !this.members.has(peerId);
    this.members.set(peerId, { socket, peer });
    socket.receivePeers(others.map((member) => member.peer));
    if (isNew) this.#tellOthers(peerId, { type: SignalType.PeerJoined, from: peerId, peer });
  }

  #forward(socket: FakeSocket, from: string, signal: Signal): void {
    const to = this.members.get(signal.to ?? '');
    if (to === undefined) socket.receiveError('no_such_peer', signal.to);
    else to.socket.receiveSignal({ ...signal, from });
  }

  #tellOthers(peerId: string, signal: object): void {
    for (const [id, { socket }] of this.members) {
      if (id !== peerId) socket.receiveSignal(signal);
    }
  }
}

export class FakeTrack {
  readyState = 'live';
  enabled = true;
  onended: (() => void) | null = null;

  readonly #listeners = new Set<() => void>();

  constructor(
    readonly kind: string,
    readonly width?: number,
  ) {}

  getSettings(): { width?: number } {
    return this.width === undefined ? {} : { width: this.width };
  }

  getConstraints(): object {
    return {};
  }

  addEventListener(_type: 'ended', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: 'ended', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  stop(): void {
    this.readyState = 'ended';
  }

  /** The device is unplugged, or the user has ended it by a button of the browser's. */
  end(): void {
    this.stop();
    for (const listener of this.#listeners) listener();
  }
}

export class FakeStream {
  constructor(readonly tracks: FakeTrack[] = []) {}

  addTrack(track: FakeTrack): void {
    this.tracks.push(track);
  }

  getTracks(): FakeTrack[] {
    return this.tracks;
  }

  getVideoTracks(): FakeTrack[] {
    return this.tracks.filter(({ kind }) => kind === 'video');
  }

  getAudioTracks(): FakeTrack[] {
    return this.tracks.filter(({ kind }) => kind === 'audio');
  }
}

class FakeChannel {
  readyState = 'connecting';
  binaryType = 'blob';
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly sent: unknown[] = [];

  send(data: unknown): void {
    this.sent.push(data);
  }
}

interface FakeSender {
  track: FakeTrack | null;
  replaceTrack: (track: FakeTrack) => Promise<void>;
}

/** The states of an `RTCPeerConnection`, which connects once both sides are described. */
export class FakePeerConnection {
  static all: FakePeerConnection[] = [];

  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((event: { candidate: { toJSON: () => object } | null }) => void) | null = null;
  ontrack: ((event: { track: FakeTrack }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  signalingState = 'stable';
  connectionState = 'new';
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription: { type: string; sdp: string } | null = null;
  readonly channel = new FakeChannel();
  readonly candidates: object[] = [];
  readonly senders: FakeSender[] = [];
  restarts = 0;
  isClosed = false;
  #descriptions = 0;
  #needsNegotiation = false;

  constructor(readonly config: RTCConfiguration) {
    FakePeerConnection.all.push(this);
  }

  static get last(): FakePeerConnection {
    const connection = FakePeerConnection.all.at(-1);
    if (connection === undefined) throw new Error('no connection was made');
    return connection;
  }

  createDataChannel(): FakeChannel {
    this.#negotiateLater();
    return this.channel;
  }

  addTrack(track: FakeTrack): void {
    const sender: FakeSender = {
      track,
      replaceTrack: (next) => {
        sender.track = next;
        return Promise.resolve();
      },
    };
    this.senders.push(sender);
    this.#negotiateLater();
  }

  removeTrack(sender: FakeSender): void {
    sender.track = null;
    this.#negotiateLater();
  }

  getSenders(): FakeSender[] {
    return this.senders;
  }

  restartIce(): void {
    this.restarts += 1;
    this.#negotiateLater();
  }

  async setLocalDescription(): Promise<void> {
    await Promise.resolve();
    this.#needsNegotiation = false;
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
    this.#descriptions += 1;
    this.localDescription = { type, sdp: `${type} ${String(this.#descriptions)}` };
    this.signalingState = type === 'answer' ? 'stable' : 'have-local-offer';
    this.#connectIfDescribed();
  }

  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    await Promise.resolve();
    if (description.sdp === 'nonsense') throw new Error('it is no description');
    const isRollback = description.type === 'offer' && this.signalingState === 'have-local-offer';
    if (isRollback && this.remoteDescription === null) {
      throw new Error('Chromium may find no addresses after the rollback of a first offer');
    }
    this.remoteDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-remote-offer' : 'stable';
    this.#connectIfDescribed();
  }

  async addIceCandidate(candidate: object): Promise<void> {
    await Promise.resolve();
    if (this.remoteDescription === null) throw new Error('the candidate is too early');
    this.candidates.push(candidate);
  }

  becomes(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close(): void {
    this.isClosed = true;
  }

  #connectIfDescribed(): void {
    if (this.signalingState !== 'stable' || this.connectionState !== 'new') return;
    this.channel.readyState = 'open';
    queueMicrotask(() => {
      if (!this.isClosed) this.becomes('connected');
    });
  }

  /** As browsers do: in a task of its own, and only in a quiet moment. */
  #negotiateLater(): void {
    this.#needsNegotiation = true;
    setTimeout(() => {
      if (this.signalingState !== 'stable' || !this.#needsNegotiation || this.isClosed) return;
      this.#needsNegotiation = false;
      this.onnegotiationneeded?.();
    }, 0);
  }
}

/** A computer with a camera, a microphone and a screen. */
export class FakeDevices {
  /** Whatever has been opened. */
  readonly tracks: FakeTrack[] = [];
  readonly getUserMedia = vi.fn((constraints: object) => this.open(constraints));
  readonly getDisplayMedia = vi.fn(() => this.open({ video: true }));

  open(constraints: object): Promise<FakeStream> {
    const opened = Object.keys(constraints).map((kind) => new FakeTrack(kind));
    this.tracks.push(...opened);
    return Promise.resolve(new FakeStream(opened));
  }
}

/** Puts the fakes where the library looks for a browser's own. */
export function stubBrowser(): FakeDevices {
  const mediaDevices = new FakeDevices();
  FakePeerConnection.all = [];
  vi.stubGlobal('MediaStream', FakeStream);
  vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
  Object.defineProperty(navigator, 'mediaDevices', { configurable: true, value: mediaDevices });
  return mediaDevices;
}
