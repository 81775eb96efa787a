// @ts-check
/** How much memory the processes of a server hold. */
import { readFileSync } from 'node:fs';

/** @typedef {import('../../interop/lib/server.js').Server} Server */

export const MIB = 1024 * 1024;

/**
 * Resident bytes of a process; 0 if it is gone, or where nobody says (not on Linux).
 *
 * @param {number} pid
 */
export function residentBytes(pid) {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/**
 * Seconds of CPU that a process has used; 0 as above.
 *
 * @param {number} pid
 */
export function cpuSeconds(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

/**
 * Of all processes of a server.
 *
 * @param {Server} server
 */
export function resident(server) {
  return server.parts.reduce((sum, { process }) => sum + (process === null ? 0 : residentBytes(process.pid)), 0);
}
