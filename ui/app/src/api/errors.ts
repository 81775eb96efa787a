/** An answer that isn't the one that was asked for. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** The server's name for what went wrong; empty if it gave none. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** No answer at all. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';

  constructor(cause: unknown) {
    super('Kraken doesn’t answer.', { cause });
  }
}

/** Whether a server is simply too old, or too small, to know a route. */
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && error.code === 'not_found';
}

export interface Explanation {
  title: string;
  advice: string;
}

/** What happened, and what to do about it, for people. */
export function explain(error: unknown): Explanation {
  if (error instanceof UnreachableError) {
    return {
      title: 'Kraken doesn’t answer',
      advice: 'Check that the server is running and that you are online. This page keeps trying.',
    };
  }
  if (error instanceof ApiError) return explainAnswer(error);
  return { title: 'Something went wrong', advice: messageOf(error) };
}

function explainAnswer(error: ApiError): Explanation {
  if (isMissing(error)) {
    return {
      title: 'This server doesn’t offer that yet',
      advice: 'It runs an older version of Kraken. Update it, then reload this page.',
    };
  }
  if (error.status === 401) {
    return {
      title: 'The admin token is not accepted',
      advice: 'Sign out, then sign in with the token that Kraken printed when it first started.',
    };
  }
  if (error.status === 429 || error.status === 503) {
    return { title: 'The server is busy', advice: `${sentence(error.message)} Try again soon.` };
  }
  return { title: 'The server refused', advice: sentence(error.message) };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? sentence(error.message) : String(error);
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
