import type { OwnerApi } from './api/client.ts';
import type { IssuedToken } from './api/types.ts';
import { pick } from './person.ts';
import { here } from './place.ts';
import { formatRoute, parseRoute } from './route.ts';
import { Stored } from './stored.ts';

/** Rooms of these pages are rooms of the app that is there from the start. */
export const ROOMS_APP = 'default';

const MOST_RECENT = 30;
const LONGEST_NAME_BYTES = 1024;
const DAY_SECONDS = 86_400;
/** How long a room's first link lasts. */
const LINK_SECONDS = 30 * DAY_SECONDS;

export interface RecentRoom {
  room: string;
  title: string;
  /** Null where the tab's own rights are enough. */
  token: string | null;
  visitedAt: number;
}

export type Access = 'read' | 'write';

export const recentRooms = new Stored<RecentRoom[]>('localStorage', 'rooms', (value) =>
  Array.isArray(value) ? value.filter(isRecentRoom) : [],
);

export function rememberRoom(visited: Omit<RecentRoom, 'visitedAt'>, now: number): void {
  const others = recentRooms.value.filter(({ room }) => room !== visited.room);
  recentRooms.set([{ ...visited, visitedAt: now }, ...others].slice(0, MOST_RECENT));
}

export function forgetRoom(room: string): void {
  recentRooms.set(recentRooms.value.filter((one) => one.room !== room));
}

export function rememberedToken(room: string): string | null {
  return recentRooms.value.find((one) => one.room === room)?.token ?? null;
}

const FIRST = ['quiet', 'bright', 'amber', 'coral', 'misty', 'silver', 'tidal', 'velvet', 'wild'];
const SECOND = ['harbour', 'lagoon', 'reef', 'current', 'island', 'lantern', 'voyage', 'shore'];

/** Pronounceable, and not to be guessed by who looks for rooms. */
export function newRoomName(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789'.split('');
  const tail = Array.from({ length: 8 }, () => pick(letters)).join('');
  return `${pick(FIRST)}-${pick(SECOND)}-${tail}`;
}

/** What a room is called before anybody gives it a title. */
export function titleOf(room: string): string {
  const [, first, second] = /^([a-z]+)-([a-z]+)-[a-z2-9]{8}$/.exec(room) ?? [];
  if (first === undefined || second === undefined) return room;
  return `${first.charAt(0).toUpperCase()}${first.slice(1)} ${second}`;
}

/** What somebody typed or pasted: a link to a room, or a room's name. */
export type Entrance =
  | { kind: 'room'; room: string; token: string | null }
  | { kind: 'elsewhere'; address: string }
  | { kind: 'problem'; message: string };

export function parseEntrance(text: string): Entrance {
  const typed = text.trim();
  if (typed === '') return { kind: 'problem', message: 'Paste a link, or type a room’s name.' };
  if (/^https?:\/\//i.test(typed)) return parseLink(typed);
  if (new TextEncoder().encode(typed).length > LONGEST_NAME_BYTES) {
    return { kind: 'problem', message: 'This name is too long: 1024 bytes are the most.' };
  }
  if (/^(.*\/)?\*$/.test(typed)) {
    // In tokens, this stands for many rooms.
    return { kind: 'problem', message: 'A name can’t end in a star of its own.' };
  }
  return { kind: 'room', room: typed, token: null };
}

function parseLink(link: string): Entrance {
  if (!URL.canParse(link)) return { kind: 'problem', message: 'This link isn’t complete.' };
  const url = new URL(link);
  const route = parseRoute(url.hash);
  if (route.page !== 'room') {
    return { kind: 'problem', message: 'This link doesn’t lead to a room. Ask for another one.' };
  }
  const isHere = url.origin === new URL(here.base).origin;
  if (!isHere) return { kind: 'elsewhere', address: url.href };
  return { kind: 'room', room: route.room, token: route.token };
}

export function linkTo(room: string, token: string | null): string {
  return here.base + formatRoute({ page: 'room', room, token });
}

/** A token that opens one room, whoever has it. */
export function mintRoomToken(
  api: OwnerApi,
  room: string,
  access: Access | 'admin' = 'write',
  seconds: number = LINK_SECONDS,
): Promise<IssuedToken> {
  const request = { sub: 'guest', aud: room, scope: access, expires_in: seconds };
  return api.issueToken(ROOMS_APP, request);
}

/** What lets the owner moderate, and is in no link; or else what guests have. */
export async function ownersToken(api: OwnerApi, room: string, guests: string): Promise<string> {
  const minted = await mintRoomToken(api, room, 'admin', DAY_SECONDS).catch(() => null);
  return minted?.token ?? guests;
}

function isRecentRoom(value: unknown): value is RecentRoom {
  const { room, title, token, visitedAt } = (value ?? {}) as Record<keyof RecentRoom, unknown>;
  return (
    typeof room === 'string' &&
    typeof title === 'string' &&
    (token === null || typeof token === 'string') &&
    typeof visitedAt === 'number'
  );
}
