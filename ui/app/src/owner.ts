import { OwnerApi } from './api/client.ts';
import type { Credential } from './api/client.ts';
import { ApiError } from './api/errors.ts';
import { here } from './place.ts';
import { Stored, useStored } from './stored.ts';
import { useMemo } from 'react';

/** Whether this browser tab is the owner's. Ends with the tab. */
const credential = new Stored<Credential | null>('sessionStorage', 'owner', parseCredential);

/** A token that rooms without one of their own are entered with, such as the master token. */
export const guestToken = new Stored<string | null>('sessionStorage', 'token', (value) =>
  typeof value === 'string' ? value : null,
);

/** Null as long as the tab is a guest's. */
export function useOwner(): OwnerApi | null {
  const shown = useStored(credential);
  return useMemo(() => (shown === null ? null : new OwnerApi(here, shown)), [shown]);
}

export function isNodeLogin(): boolean {
  return credential.value?.kind === 'node-login';
}

/** Rejects, and keeps nothing, unless the server takes the token. */
export async function signIn(token: string): Promise<void> {
  const wanted: Credential = { kind: 'admin-token', token };
  await new OwnerApi(here, wanted).settings();
  credential.set(wanted);
}

/** For a token that was just made by the server itself. */
export function keepNewAdminToken(token: string): void {
  if (credential.value?.kind === 'admin-token') credential.set({ kind: 'admin-token', token });
}

/** Who is logged in to the node is the owner without further ado. */
export async function recogniseNodeLogin(): Promise<void> {
  if (here.way !== 'node' || credential.value !== null) return;
  const wanted: Credential = { kind: 'node-login' };
  try {
    await new OwnerApi(here, wanted).settings();
    credential.set(wanted);
  } catch (error) {
    // A guest of the node; anything else shows itself on the page.
    if (!(error instanceof ApiError)) throw error;
  }
}

export function signOut(): void {
  credential.set(null);
  guestToken.set(null);
}

function parseCredential(value: unknown): Credential | null {
  const { kind, token } = (value ?? {}) as { kind?: unknown; token?: unknown };
  if (kind === 'node-login') return { kind };
  return kind === 'admin-token' && typeof token === 'string' ? { kind, token } : null;
}
