/** Who is in the call of a room, as they show themselves and as they are received. */
import type { Quality } from '@kraken/client/call';
import type { Awareness } from 'y-protocols/awareness';
import { safeColor, safeName } from '../../person.ts';
import type { Group, GroupPeer } from './Group.ts';
import type { Mesh } from './Mesh.ts';
import { readPresence } from './presence.ts';
import type { CallPresence } from './presence.ts';

export interface Participant {
  peerId: string;
  name: string;
  color: string;
  audio: boolean;
  video: boolean;
  /** Whether `stream` shows a screen in place of a camera. */
  screen: boolean;
  /** `failed`: there is no way between the two; it can be tried again. */
  link: 'connecting' | 'connected' | 'failed';
  stream: MediaStream | null;
  /** A screen beside the camera. */
  screenStream: MediaStream | null;
  isSpeaking: boolean;
  /** How well their own connection does. */
  quality: Quality;
  /** The engine's names of what they send through it. */
  tracks: { camera?: string; microphone?: string; screen?: string };
}

/** Somebody else in the call, by what they show of it. */
export interface Present {
  name: string;
  color: string;
  call: CallPresence;
}

export function presentIn(awareness: Awareness): Present[] {
  const present = [];
  for (const [client, state] of awareness.getStates()) {
    const call = readPresence(state['call']);
    if (client === awareness.clientID || call === null) continue;
    const { name, color } = (state['user'] ?? {}) as { name?: unknown; color?: unknown };
    present.push({ name: safeName(name), color: safeColor(color), call });
  }
  return present;
}

/** Those who spoke last come first. */
export function participantsOf(
  present: readonly Present[],
  mesh: Mesh,
  group: Group,
): Participant[] {
  const { spoken } = group.state;
  const rank = ({ peerId }: Participant) => {
    const index = spoken.indexOf(peerId);
    return index === -1 ? spoken.length : index;
  };
  return present
    .map((one) => participant(one, mesh, group))
    .sort((one, other) => rank(one) - rank(other));
}

/** The direct connection is the one that counts until something comes through the engine. */
function participant(one: Present, mesh: Mesh, group: Group): Participant {
  const { peerId } = one.call;
  const direct = mesh.streamOf(peerId);
  const shared = group.peer(peerId);
  if (shared !== null && (shared.hasArrived || direct === null)) {
    return throughEngine(one, shared, group.state.speaking.includes(peerId));
  }
  return directly(one, direct, mesh.hasFailed(peerId) && !one.call.group);
}

function directly(
  { name, color, call }: Present,
  stream: MediaStream | null,
  hasFailed: boolean,
): Participant {
  const { peerId, audio, video, screen, quality } = call;
  const link = stream !== null ? 'connected' : hasFailed ? 'failed' : 'connecting';
  const nothing = { screenStream: null, isSpeaking: false, tracks: {} };
  return { peerId, name, color, audio, video, screen, quality, stream, link, ...nothing };
}

function throughEngine(
  { name, color, call: { peerId, quality } }: Present,
  { camera, microphone, screen, stream, screenStream, hasArrived }: GroupPeer,
  isSpeaking: boolean,
): Participant {
  return {
    peerId,
    name,
    color,
    quality,
    audio: microphone?.muted === false,
    video: camera?.muted === false,
    screen: false,
    stream,
    screenStream,
    link: hasArrived ? 'connected' : 'connecting',
    isSpeaking,
    tracks: {
      ...(camera && { camera: camera.id }),
      ...(microphone && { microphone: microphone.id }),
      ...(screen && { screen: screen.id }),
    },
  };
}
