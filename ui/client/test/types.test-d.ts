/** What compiles for those who use the package, and what doesn't. */
import { expectTypeOf, test } from 'vitest';
import type { Awareness } from 'y-protocols/awareness';
import type { WebsocketProvider } from 'y-websocket';
import type { Doc } from 'yjs';
import { joinCall } from '../src/group/index.js';
import type {
  CallEvent,
  CallStatus,
  GroupCall,
  GroupCallOptions,
  Source,
} from '../src/group/index.js';
import { KrakenClient } from '../src/index.js';
import type {
  IncomingCall,
  KrakenClientOptions,
  KrakenError,
  KrakenEvent,
  Peer,
  RoomConnection,
} from '../src/index.js';
import type { Kraken, UsedCall, UseKrakenOptions, VideoCall } from '../src/react/index.js';
import { usePresence } from '../src/react-yjs/index.js';
import type { YjsDocument } from '../src/react-yjs/index.js';
import type { KrakenProvider, KrakenProviderOptions, ProviderStatus } from '../src/yjs/index.js';

test('a room is named, or comes with a connection', () => {
  expectTypeOf<{ url: string; room: string }>().toExtend<KrakenClientOptions>();
  expectTypeOf<{ connection: RoomConnection; name: string }>().toExtend<KrakenClientOptions>();
  expectTypeOf<{ name: string }>().not.toExtend<KrakenClientOptions>();
  expectTypeOf<{ url: string }>().not.toExtend<KrakenClientOptions>();
  expectTypeOf<{ url: string; room: string }>().not.toExtend<KrakenProviderOptions>();
  expectTypeOf<{ url: string; room: string; doc: Doc }>().toExtend<KrakenProviderOptions>();
  expectTypeOf<{ url: string; room: string; via: 'relay' }>().not.toExtend<KrakenClientOptions>();
});

test('a token is text, or what gets it, at once or later; the environment may lack it', () => {
  interface WithToken<T> {
    url: string;
    room: string;
    token: T;
  }
  expectTypeOf<WithToken<string | undefined>>().toExtend<UseKrakenOptions>();
  expectTypeOf<WithToken<() => string>>().toExtend<UseKrakenOptions>();
  expectTypeOf<WithToken<() => Promise<string>>>().toExtend<UseKrakenOptions>();
  expectTypeOf<WithToken<number>>().not.toExtend<UseKrakenOptions>();
});

test('an event is known by its type', () => {
  new KrakenClient({ url: '', room: '' }).on((event) => {
    expectTypeOf(event).toEqualTypeOf<KrakenEvent>();
    if (event.type === 'peers') expectTypeOf(event.peers).toEqualTypeOf<readonly Peer[]>();
    if (event.type === 'call-established') {
      expectTypeOf(event.remoteStream).toEqualTypeOf<MediaStream>();
    }
    if (event.type === 'call-incoming') expectTypeOf(event).toExtend<IncomingCall>();
    if (event.type === 'error') expectTypeOf(event.error).toEqualTypeOf<KrakenError>();
    // @ts-expect-error there is no such event
    if (event.type === 'ringing') return;
  });
});

test('a status has what belongs to its state', () => {
  type In<State> = Extract<ProviderStatus, { state: State }>;
  expectTypeOf<In<'connected'>['synced']>().toEqualTypeOf<boolean>();
  expectTypeOf<In<'offline'>['retryAt']>().toEqualTypeOf<number | null>();
  expectTypeOf<In<'refused'>['code']>().toEqualTypeOf<number>();
  expectTypeOf<keyof In<'connecting'>>().toEqualTypeOf<'state'>();
});

test('a provider has what editor bindings take from y-websocket', () => {
  type Taken = 'doc' | 'awareness' | 'synced' | 'wsconnected' | 'wsconnecting' | 'roomname';
  expectTypeOf<KrakenProvider>().toExtend<Pick<WebsocketProvider, Taken>>();
  type Does = 'connect' | 'disconnect' | 'destroy';
  expectTypeOf<Pick<KrakenProvider, Does>>().toEqualTypeOf<Pick<WebsocketProvider, Does>>();
  expectTypeOf<KrakenProvider['awareness']>().toEqualTypeOf<Awareness>();
});

test('hooks give what the guide takes from them', () => {
  expectTypeOf<Kraken['signaling']>().toEqualTypeOf<KrakenClient>();
  expectTypeOf<VideoCall['remoteStreams']>().toExtend<ReadonlyMap<string, MediaStream>>();
  expectTypeOf<YjsDocument['provider']>().toEqualTypeOf<KrakenProvider | null>();
  expectTypeOf(usePresence<{ name: string }>).returns.items.toHaveProperty('user');
});

test('a group call takes what a client takes, or the connection of one', () => {
  expectTypeOf<{ url: string; room: string }>().toExtend<GroupCallOptions>();
  expectTypeOf<Pick<KrakenClient, 'connection'>>().toExtend<GroupCallOptions>();
  expectTypeOf<{ name: string }>().not.toExtend<GroupCallOptions>();
  expectTypeOf(joinCall).returns.resolves.toEqualTypeOf<GroupCall>();
});

test('where a group call stands has what belongs to it', () => {
  type In<State> = Extract<CallStatus, { state: State }>;
  expectTypeOf<In<'ended'>['error']>().toEqualTypeOf<KrakenError>();
  expectTypeOf<In<'reconnecting'>['because']>().toEqualTypeOf<'connection' | 'engine' | 'lost'>();
  expectTypeOf<keyof In<'joined'>>().toEqualTypeOf<'state'>();
  type Data = Extract<CallEvent, { type: 'data' }>;
  expectTypeOf<Data['data']>().toEqualTypeOf<Uint8Array>();
  expectTypeOf<UsedCall['status']>().toEqualTypeOf<CallStatus>();
});

test('a track shows one of four things', () => {
  expectTypeOf<'camera'>().toExtend<Source>();
  expectTypeOf<'hologram'>().not.toExtend<Source>();
});
