import type { Place } from '../place.ts';
import { ApiError, UnreachableError } from './errors.ts';

const PATIENCE_MS = 15_000;

/** A body of JSON to a route that a token opens. */
export async function post(
  { base }: Place,
  path: string,
  token: string,
  body: unknown,
): Promise<unknown> {
  const response = await send(base + path, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}

/** Rejects with an `ApiError` unless the answer is a good one. */
export async function send(url: string, init: RequestInit): Promise<Response> {
  const response = await request(url, init);
  if (!response.ok) throw await failure(response);
  return response;
}

/** Any answer of Kraken's. Rejects with an `UnreachableError` if there is none. */
export async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (cause) {
    throw new UnreachableError(cause);
  }
}

export async function failure(response: Response): Promise<Error> {
  const { status } = response;
  try {
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    return new ApiError(status, error.code, error.message);
  } catch (cause) {
    // Not Kraken's words, so it is a proxy whose Kraken is away.
    if (status >= 502 && status <= 504) return new UnreachableError(cause);
    return new ApiError(status, '', `the server answered ${String(status)}`);
  }
}
