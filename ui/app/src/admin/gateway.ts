import { here, socketBase } from '../place.ts';
import { Stored, useStored } from '../stored.ts';

/** Where programs connect, as the owner of a node has told this browser. */
export const gateway = new Stored<string>('localStorage', 'gateway', (value) =>
  typeof value === 'string' ? value : '',
);

const PLACEHOLDER = 'wss://YOUR-GATEWAY';

/** The address that snippets connect to. Programs need no tickets at a gateway. */
export function useProgramServer(): string {
  const told = useStored(gateway);
  return here.way === 'gateway' ? socketBase(here) : socketAddress(told);
}

/** As y-websocket takes it, whatever was typed. */
export function socketAddress(typed: string): string {
  const address = typed.trim().replace(/\/+$/, '');
  if (address === '') return PLACEHOLDER;
  if (/^(ws|http)s?:\/\//.test(address)) return address.replace(/^http/, 'ws');
  return `wss://${address}`;
}
