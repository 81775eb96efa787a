/** What an app token says about itself. Only the server can tell whether it is true. */
export interface TokenClaims {
  app: string | null;
  subject: string | null;
  rooms: string[];
  canWrite: boolean;
  /** Milliseconds since 1970. */
  expiresAt: number | null;
}

/** @returns null for what isn't an app token, such as the master token */
export function readToken(token: string): TokenClaims | null {
  const [, payload, signature, ...more] = token.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) return null;
  const claims = parsePayload(payload);
  if (claims === null) return null;
  const { iss, sub, aud, scope, exp } = claims;
  return {
    app: typeof iss === 'string' ? iss : null,
    subject: typeof sub === 'string' ? sub : null,
    rooms: (Array.isArray(aud) ? aud : [aud]).filter((room) => typeof room === 'string'),
    canWrite: typeof scope !== 'string' || /\b(write|admin)\b/.test(scope) || scope === '',
    expiresAt: typeof exp === 'number' ? exp * 1000 : null,
  };
}

function parsePayload(payload: string): Record<string, unknown> | null {
  try {
    const binary = atob(payload.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
