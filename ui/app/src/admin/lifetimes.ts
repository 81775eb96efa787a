/** How long a token is good for, in seconds. A year is the longest that the server allows. */
export const LIFETIMES = [
  ['3600', 'An hour'],
  ['86400', 'A day'],
  ['604800', 'A week'],
  ['2592000', 'A month'],
  ['31536000', 'A year'],
] as const;

export const SCOPES = [
  ['write', 'Read and write'],
  ['read', 'Read only'],
  ['admin', 'Write, and issue tokens'],
] as const;
