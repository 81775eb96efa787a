/** What can be limited, with the server's defaults, as docs/api.md lists them. */
export interface Limit {
  name: string;
  label: string;
  standard: number;
  unit: 'bytes' | 'count';
  isServerWide: boolean;
}

const MIB = 1024 * 1024;

export const LIMITS: readonly Limit[] = [
  limit('connections', 'Connections of an app', 10_000, 'count'),
  limit('rooms', 'Rooms of an app in memory', 10_000, 'count'),
  limit('message_bytes', 'Bytes of a message', 16 * MIB, 'bytes'),
  limit('document_bytes', 'Bytes of a document', 32 * MIB, 'bytes'),
  limit('awareness_states', 'People shown in a room', 4_096, 'count'),
  limit('awareness_state_bytes', 'Bytes that each shows', 64 * 1024, 'bytes'),
  limit('messages_per_second', 'Messages a second, each connection', 2_000, 'count'),
  limit('bytes_per_second', 'Bytes a second, each connection', 8 * MIB, 'bytes'),
  limit('call_peers', 'People in a call', 50, 'count'),
  limit('call_publishers', 'People who send in a call', 25, 'count'),
  limit('call_bitrate', 'Bits a second that each is sent', 8_000_000, 'count'),
  limit('total_connections', 'Connections of the server', 100_000, 'count', true),
  limit('total_rooms', 'Rooms of the server in memory', 50_000, 'count', true),
];

/** The limits that are set. What isn't a number goes to the server, which says what is wrong. */
export function parseLimits(draft: Readonly<Record<string, string>>): Record<string, number> {
  const set = Object.entries(draft).filter(([, text]) => text !== '');
  return Object.fromEntries(set.map(([name, text]) => [name, Number(text)]));
}

function limit(
  name: string,
  label: string,
  standard: number,
  unit: Limit['unit'],
  isServerWide = false,
): Limit {
  return { name, label, standard, unit, isServerWide };
}
