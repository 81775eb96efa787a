/** Secrets that were just made: the server tells them once, and so does this page. */
const fresh = new Map<string, string>();

export function keepSecret(appId: string, secret: string): void {
  fresh.set(appId, secret);
}

export function freshSecret(appId: string): string | null {
  return fresh.get(appId) ?? null;
}

export function forgetSecret(appId: string): void {
  fresh.delete(appId);
}
