import { describe, expect, test } from 'vitest';
import { ApiError, UnreachableError, explain } from '../src/api/errors.ts';
import { failure } from '../src/api/request.ts';
import { adviseOn } from '../src/room/refusal.ts';

describe('answers that aren’t good', () => {
  test('the server’s own words reach people', async () => {
    const body = { error: { code: 'origin_taken', message: 'another app has it' } };
    const error = await failure(Response.json(body, { status: 409 }));
    expect(error).toMatchObject({ status: 409, code: 'origin_taken' });
    expect(explain(error).advice).toBe('Another app has it.');
  });

  test('a proxy without its server is no answer', async () => {
    expect(await failure(new Response('Bad gateway', { status: 502 }))).toBeInstanceOf(
      UnreachableError,
    );
  });

  test.each([
    [new ApiError(404, 'not_found', 'there is nothing here'), 'older version'],
    [new ApiError(401, 'unauthorized', 'no'), 'sign in'],
    [new ApiError(503, 'not_ready', 'starting'), 'Try again'],
    [new UnreachableError(null), 'running'],
    [new Error('odd'), 'Odd.'],
  ])('%s says what to do', (error, advice) => {
    expect(explain(error).advice).toContain(advice);
  });
});

test.each([
  [4401, 'missing or wrong token', 'new-key'],
  [4403, 'the token is not for this room', 'new-key'],
  [4403, 'no app has this origin', 'register-origin'],
  [4403, 'this node lets only its owner in by ticket', 'try-again'],
  [4401, 'log in to the node first', 'log-in'],
  [4413, 'too large', 'go-home'],
  [4400, 'a room’s name …', 'go-home'],
])('a refusal with %i, “%s”, is mended by %s', (code, reason, remedy) => {
  expect(adviseOn(code, reason).remedy).toBe(remedy);
});
