import type { Scope } from '../api/types.ts';

/** What an SDS client shows: a JSON Web Token, signed with the secret of the server's stores. */
export interface StoreClaims {
  sub: string;
  /** The store's id. */
  aud: string;
  scope: Scope;
  /** As the server expects it; null if it expects none. */
  iss: string | null;
  /** Seconds since 1970. */
  iat: number;
  exp: number;
}

/** Signs here, with HS256: the secret doesn't leave the page. */
export async function signStoreToken(claims: StoreClaims, secret: string): Promise<string> {
  const { iss, ...rest } = claims;
  const payload = iss === null ? rest : { ...rest, iss };
  const text = `${base64Url(json({ alg: 'HS256', typ: 'JWT' }))}.${base64Url(json(payload))}`;
  const subtle = (crypto as Partial<Crypto>).subtle;
  if (subtle === undefined) {
    throw new Error('Browsers sign only on https:// or localhost. Open this page that way.');
  }
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await subtle.importKey('raw', bytes(secret), algorithm, false, ['sign']);
  const signature = await subtle.sign(algorithm, key, bytes(text));
  return `${text}.${base64Url(new Uint8Array(signature))}`;
}

function json(value: unknown): Uint8Array {
  return bytes(JSON.stringify(value));
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function base64Url(data: Uint8Array): string {
  const binary = Array.from(data, (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
