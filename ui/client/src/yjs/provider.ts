import { ObservableV2 } from 'lib0/observable';
import { applyAwarenessUpdate, Awareness, removeAwarenessStates } from 'y-protocols/awareness';
import { applyUpdate } from 'yjs';
import type { Doc } from 'yjs';
import { RoomConnection } from '../connection.js';
import type { ConnectionState, RoomUser } from '../connection.js';
import { rethrowLater } from '../rethrow.js';
import { Kept } from './kept.js';
import * as messages from './messages.js';
import type { Close, KrakenProviderOptions, ProviderEvents, ProviderStatus } from './options.js';
import { Saving } from './saving.js';
import type { SaveState } from './saving.js';

/** What a provider tells, and to whom. */
export type KrakenProviderEvents = ProviderEvents<KrakenProvider>;

const OFFLINE: ProviderStatus = { state: 'offline', retryAt: null };

/**
 * Keeps a Yjs document and its room's the same. Editor bindings take it for a `WebsocketProvider`.
 */
export class KrakenProvider extends ObservableV2<KrakenProviderEvents> {
  readonly doc: Doc;
  readonly awareness: Awareness;
  /** What a `KrakenClient` can share. */
  readonly connection: RoomConnection;
  readonly roomname: string;
  /** Resolves once what this device has kept is in the document, or can't be had. Never rejects. */
  readonly loaded: Promise<void>;
  readonly #ownsAwareness: boolean;
  readonly #kept: Kept | null;
  readonly #saving = new Saving();
  #saved: SaveState = 'unknown';
  #status: ProviderStatus = OFFLINE;
  /** Whether the server has said on this socket what it knows, so that edits make sense to it. */
  #isGreeted = false;
  #isDestroyed = false;
  /** Counts sockets, so that what one of them has begun is not finished on the next. */
  #sockets = 0;
  readonly #user: RoomUser = {
    needsGreeting: true,
    changed: (state) => {
      this.#connectionChanged(state);
    },
    received: (message) => {
      if (typeof message !== 'string') this.#receive(message);
    },
    failed: (error) => {
      this.emit('connection-error', [error, this]);
    },
  };

  constructor(options: KrakenProviderOptions) {
    super();
    const { doc, awareness, offline = false, connect = true } = options;
    this.doc = doc;
    this.connection = 'connection' in options ? options.connection : new RoomConnection(options);
    this.roomname = this.connection.room;
    this.#ownsAwareness = awareness === undefined;
    this.awareness = awareness ?? new Awareness(doc);
    this.#kept = offline === false ? null : this.#keep(offline);
    this.loaded = this.#kept?.loaded ?? Promise.resolve();
    doc.on('update', this.#docUpdated);
    doc.on('destroy', this.#docDestroyed);
    this.awareness.on('update', this.#awarenessUpdated);
    if (connect) this.connect();
  }

  get status(): ProviderStatus {
    return this.#status;
  }

  /** How far the edits of this client have got. */
  get saved(): SaveState {
    return this.#saved;
  }

  get synced(): boolean {
    return isSynced(this.#status);
  }

  get wsconnected(): boolean {
    return this.#status.state === 'connected';
  }

  get wsconnecting(): boolean {
    return this.#status.state === 'connecting';
  }

  /** Connects, or tries again at once. */
  connect(): void {
    if (!this.#isDestroyed) this.connection.join(this.#user);
  }

  /** Leaves the room. Edits go on, and are sent after the next `connect`. */
  disconnect(): void {
    this.connection.send(messages.absence(this.awareness));
    this.connection.leave(this.#user);
    this.#lost();
    this.#setStatus(OFFLINE);
  }

  /** Disconnects for good. The document stays as it is, here and in what the device keeps. */
  override destroy(): void {
    this.#isDestroyed = true;
    this.disconnect();
    this.doc.off('update', this.#docUpdated);
    this.doc.off('destroy', this.#docDestroyed);
    this.awareness.off('update', this.#awarenessUpdated);
    if (this.#ownsAwareness) this.awareness.destroy();
    this.#kept?.close();
    super.destroy();
  }

  override emit<Name extends keyof KrakenProviderEvents>(
    name: Name,
    args: Parameters<KrakenProviderEvents[Name]>,
  ): void {
    rethrowLater(() => {
      super.emit(name, args);
    });
  }

  #keep(offline: string | true): Kept {
    const name = offline === true ? `kraken ${this.connection.id}` : offline;
    return new Kept(name, this.doc, (error) => {
      this.emit('storage-error', [error]);
    });
  }

  #connectionChanged(state: ConnectionState): void {
    switch (state.state) {
      case 'connecting':
        this.#lost();
        this.#setStatus(state);
        break;
      case 'connected':
        this.#sockets += 1;
        this.#setStatus({ state: 'connected', synced: false });
        this.#showOneself();
        break;
      case 'offline':
        this.#lost();
        this.#setStatus({ state: 'offline', retryAt: state.retryAt });
        this.emit('connection-close', [closeOf(state), this]);
        break;
      case 'refused':
        this.#lost();
        this.#setStatus(state);
        this.emit('connection-close', [closeOf(state), this]);
        this.emit('closed', [closeOf(state), this]);
        break;
      case 'closed':
        break;
    }
  }

  #receive(bytes: Uint8Array): void {
    const message = messages.decode(bytes, this.doc);
    switch (message?.kind) {
      case 'step-1':
        void this.#greet(message.stateVector);
        break;
      case 'step-2':
        applyUpdate(this.doc, message.update, this);
        this.#synced();
        break;
      case 'update':
        applyUpdate(this.doc, message.update, this);
        this.#saving.received(message.update);
        this.#savingChanged();
        break;
      case 'awareness':
        applyAwarenessUpdate(this.awareness, message.update, this);
        break;
      case 'query-awareness':
        this.connection.send(messages.presence(this.awareness));
        break;
      case 'denied':
        this.#saving.rejected();
        this.#savingChanged();
        this.emit('permission-denied', [message.reason]);
        break;
      case undefined:
        break;
    }
  }

  /**
   * Sends what the server lacks, and only then asks for what is missing here: so its answer means
   * that it has all of this document. What the device has kept belongs to that.
   */
  async #greet(stateVector: Uint8Array): Promise<void> {
    const socket = this.#sockets;
    await this.loaded;
    if (socket !== this.#sockets || !this.wsconnected) return;
    this.connection.send(messages.step2(this.doc, stateVector));
    if (this.#isGreeted) return;
    this.#isGreeted = true;
    this.connection.send(messages.step1(this.doc));
    this.#saving.asked();
    this.#savingChanged();
  }

  #synced(): void {
    this.#saving.answered();
    this.#setStatus({ state: 'connected', synced: true });
    this.#savingChanged();
  }

  /** Says it anew, since the server ignores what it knows already, and may know it to be gone. */
  #showOneself(): void {
    const state = this.awareness.getLocalState();
    if (state !== null) this.awareness.setLocalState(state);
  }

  #lost(): void {
    this.#isGreeted = false;
    this.#saving.disconnected();
    this.#savingChanged();
    const { clientID } = this.awareness;
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== clientID);
    removeAwarenessStates(this.awareness, others, this);
  }

  readonly #docUpdated = (bytes: Uint8Array, origin: unknown): void => {
    if (origin === this) return;
    // Before it is greeted, the server gets everything with the answer to its greeting.
    if (this.#isGreeted) this.connection.send(messages.update(bytes));
    if (this.#kept?.isLoading(origin) === true) return;
    this.#saving.edited(bytes);
    this.#savingChanged();
  };

  readonly #awarenessUpdated = (changes: Record<'added' | 'updated' | 'removed', number[]>) => {
    const { added, updated, removed } = changes;
    // Others speak for themselves.
    const isOwn = [...added, ...updated, ...removed].includes(this.awareness.clientID);
    if (isOwn) this.connection.send(messages.presence(this.awareness));
  };

  readonly #docDestroyed = (): void => {
    this.destroy();
  };

  #savingChanged(): void {
    const { state } = this.#saving;
    if (state === this.#saved) return;
    this.#saved = state;
    this.emit('saved', [state]);
    this.emit('change', []);
  }

  #setStatus(status: ProviderStatus): void {
    const before = this.#status;
    if (before === status) return;
    this.#status = status;
    if (plainStatus(before) !== plainStatus(status)) {
      this.emit('status', [{ status: plainStatus(status) }]);
    }
    if (isSynced(before) !== isSynced(status)) {
      this.emit('synced', [isSynced(status)]);
      this.emit('sync', [isSynced(status)]);
    }
    this.emit('change', []);
  }
}

function isSynced(status: ProviderStatus): boolean {
  return status.state === 'connected' && status.synced;
}

/** As y-websocket names them. */
function plainStatus({ state }: ProviderStatus): 'connecting' | 'connected' | 'disconnected' {
  return state === 'connecting' || state === 'connected' ? state : 'disconnected';
}

function closeOf({ code, reason }: Close): Close {
  return { code, reason };
}
