import { describe, expect, test } from 'vitest';
import { readToken } from '../src/token.ts';

function token(claims: unknown): string {
  return `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
}

describe('what a token says', () => {
  test('everything that the pages ask for', () => {
    const claims = { iss: 'default', sub: 'Zoë', aud: ['a', 'b/*'], scope: 'read', exp: 12 };
    expect(readToken(token(claims))).toEqual({
      app: 'default',
      subject: 'Zoë',
      rooms: ['a', 'b/*'],
      canWrite: false,
      expiresAt: 12_000,
    });
  });

  test.each([
    [undefined, true],
    ['write', true],
    ['admin', true],
    ['read write', true],
    ['read', false],
  ])('scope %s may write: %s', (scope, canWrite) => {
    expect(readToken(token({ aud: 'a', scope }))?.canWrite).toBe(canWrite);
  });

  test.each(['', 'master-token', 'a.b', 'a.b.c.d', 'a.!!.c', `a.${btoa('7')}.c`])(
    '%j is no app token',
    (text) => {
      expect(readToken(text)).toBeNull();
    },
  );
});
