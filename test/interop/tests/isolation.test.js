// @ts-check
/**
 * The attack list of docs/isolation.md: an app that wants another app's document. Each numbered
 * attack there is a test here of the same number.
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import * as Y from 'yjs';
import { Api, inSeconds } from '../lib/api.js';
import { exchange } from '../lib/http.js';
import { awareness } from '../lib/raw.js';
import { ADMIN_TOKEN, MASTER_TOKEN } from '../lib/server.js';
import { suite } from '../lib/suite.js';
import { ROOM, World } from '../lib/world.js';

/** @param {unknown} value */
const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/**
 * A token with any header and any claims, as text if need be, signed with this secret.
 *
 * @param {unknown} header
 * @param {unknown} claims
 * @param {string} secret
 */
function signed(header, claims, secret) {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

const HS256 = { alg: 'HS256', typ: 'JWT' };

suite(
  'Isolation',
  (test) => {
    test('IS1: a path that climbs out of the app', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { id } = world.victim;
      const paths = [
        `../${id}/${ROOM}`,
        `../../doc/${ROOM}`,
        `..%2f${id}%2f${ROOM}`,
        `%2e%2e/${id}/${ROOM}`,
        `%2e%2e%2f%2e%2e%2f${id}/${ROOM}`,
        `./${ROOM}`,
        `x/../${ROOM}`,
        `/${ROOM}`,
        `//${id}/${ROOM}`,
        `${id}/${ROOM}`,
        `${id}%2F${ROOM}`,
        `..\\${id}\\${ROOM}`,
        `..;/${id}/${ROOM}`,
      ];
      for (const path of paths) await world.attempt({ path });
      await world.isUnharmed();
    });

    test('IS2: the internal name of a room as its name', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim, attacker } = world;
      const names = [
        `${victim.id}:${ROOM}`,
        `${victim.id}%3A${ROOM}`,
        `:${ROOM}`,
        `${victim.id}::${ROOM}`,
        `${attacker.id}:${victim.id}:${ROOM}`,
        `..:${victim.id}:${ROOM}`,
      ];
      for (const path of names) await world.attempt({ path });
      await world.isUnharmed();
      // And the other way: a name with a colon is no other app's either.
      const alone = await scene.joined({ origin: victim.origin, room: `${attacker.id}:${ROOM}` });
      assert.equal(alone.text.toString(), '');
    });

    test('IS3: a name that is encoded twice', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { id } = world.victim;
      const names = [
        `%2570lans`,
        `%252e%252e%252f${id}%252f${ROOM}`,
        `${id}%253A${ROOM}`,
        `%25252e%25252e/${id}/${ROOM}`,
        `${id}%25253a${ROOM}`,
      ];
      for (const path of names) await world.attempt({ path });
      await world.isUnharmed();
    });

    test('IS4: a name with NUL and other control characters', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim } = world;
      const names = [
        `${ROOM}%00`,
        `%00${ROOM}`,
        `${victim.id}%00${ROOM}`,
        `${victim.id}%00:${ROOM}`,
        `x%00/../${ROOM}`,
        `${ROOM}%0d%0aOrigin:%20${victim.origin}`,
        `${ROOM}%20HTTP/1.1%0d%0aOrigin:%20${victim.origin}%0d%0a%0d%0a`,
        `${ROOM}%09`,
        `${ROOM}%7f`,
        `${ROOM}%1f`,
      ];
      for (const path of names) await world.attempt({ path });
      await world.isUnharmed();
    });

    test('IS5: a name that only looks the same', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const names = ['PLANS', 'Plans', '%EF%BD%90lans', 'plans%E2%80%8B', 'pla%CC%81ns', 'plans.', 'plans%20', '%20plans', 'plans/', 'p%6Cans'];
      for (const path of names) await world.attempt({ path });
      for (const malformed of ['%c0%af', '%ff', '%ed%a0%80', 'plans%c0%80']) {
        assert.equal((await world.attempt({ path: malformed }))?.status, 400, malformed);
      }
      await world.isUnharmed();
      // In one app, too, names are compared byte by byte.
      const composed = await scene.joined({ origin: world.victim.origin, room: 'caf%C3%A9' });
      composed.text.insert(0, 'composed');
      const decomposed = await scene.joined({ origin: world.victim.origin, room: 'cafe%CC%81' });
      assert.equal(decomposed.text.toString(), '');
    });

    test('IS6: a token of its own for the rooms of another', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim, attacker } = world;
      const audiences = ['*', ROOM, [`${victim.id}:*`], `${victim.id}/*`, `${victim.id}:${ROOM}`, `../${victim.id}/*`, '/*', '**', ['*', victim.id]];
      for (const aud of audiences) {
        const token = await attacker.token({ aud, scope: 'admin' });
        for (const path of [ROOM, `${victim.id}:${ROOM}`, `${victim.id}/${ROOM}`, `../${victim.id}/${ROOM}`]) {
          await world.attempt({ path, token, origin: '' });
        }
      }
      await world.isUnharmed();
    });

    test('IS7: a token in the name of another', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim, attacker } = world;
      const claims = { sub: 'x', aud: '*', scope: 'write', exp: inSeconds(600) };
      const issuers = [
        victim.id,
        [attacker.id, victim.id],
        { [attacker.id]: victim.id },
        `${attacker.id}\u0000${victim.id}`,
        `${victim.id} `,
        victim.id.toUpperCase(),
        null,
        7,
      ];
      for (const iss of issuers) {
        const token = signed(HS256, { ...claims, iss }, attacker.secret);
        assert.equal((await world.attempt({ token, origin: '' }))?.status, 401, JSON.stringify(iss));
      }
      const twice = (/** @type {string[]} */ ids) =>
        JSON.stringify(claims).replace('{', `{${ids.map((id) => `"iss":"${id}",`).join('')}`);
      for (const ids of [[attacker.id, victim.id], [victim.id, attacker.id]]) {
        await world.attempt({ token: signed(HS256, twice(ids), attacker.secret), origin: '' });
      }
      await world.isUnharmed();
    });

    test('IS8: a token whose header says how to check it', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim, attacker } = world;
      const claims = { iss: victim.id, sub: 'x', aud: '*', scope: 'write', exp: inSeconds(600) };
      const key = Buffer.from(attacker.secret).toString('base64url');
      const headers = [
        { ...HS256, kid: attacker.id },
        { ...HS256, kid: '2' },
        { ...HS256, kid: '../../../dev/null' },
        { ...HS256, kid: "' OR 1=1 --" },
        { ...HS256, jku: `${attacker.origin}/keys` },
        { ...HS256, jwk: { kty: 'oct', k: key } },
        { alg: 'none' },
        { alg: 'None' },
        { alg: 'HS256\u0000' },
        { alg: ['HS256'] },
        {},
      ];
      for (const header of headers) {
        for (const secret of [attacker.secret, MASTER_TOKEN, victim.id, '\u0000', 'null']) {
          const token = signed(header, claims, secret);
          assert.equal((await world.attempt({ token, origin: '' }))?.status, 401, JSON.stringify(header));
        }
        const [head, body] = signed(header, claims, attacker.secret).split('.');
        assert.equal((await world.attempt({ token: `${head}.${body}.`, origin: '' }))?.status, 401);
      }
      await world.isUnharmed();
    });

    test("IS9: a token of its own in the victim's page", { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim, attacker } = world;
      const token = await attacker.token();
      assert.equal((await world.attempt({ token, origin: victim.origin }))?.status, 403);
      // Of two tokens the first counts, so that nothing behind it can change what was meant.
      await world.attempt({ token: `${token}&token=${MASTER_TOKEN}`, origin: '' });
      assert.equal((await world.attempt({ token: `wrong&token=${MASTER_TOKEN}` }))?.status, 401);
      await world.isUnharmed();
    });

    test("IS10: an origin that resembles the victim's", { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const host = new URL(world.victim.origin).host;
      const origins = [
        `https://${host}.evil.test`,
        `https://evil${host}`,
        `https://evil-${host}`,
        `https://evil.${host}`,
        `https://${host}@evil.test`,
        `https://evil.test@${host}`,
        `https://user:password@${host}`,
        `https://${host}:8443`,
        `https://${host}:0443x`,
        `http://${host}`,
        `wss://${host}`,
        `https://${host}.`,
        `https://${host}/`,
        `https://${host}/path`,
        `https://${host}?`,
        `https://${host}#`,
        `https:${host}`,
        `//${host}`,
        host,
        `https://${host}, https://evil.test`,
        `https://evil.test https://${host}`,
        `https://evil.test\\@${host}`,
        `https://evil.test%2F${host}`,
        `https://${host}%00.evil.test`,
        'null',
        '*',
        `https://*.${host}`,
        'https://',
        'file://',
      ];
      for (const origin of origins) {
        assert.equal((await world.attempt({ origin }))?.status, 403, origin);
      }
      await world.isUnharmed();
    });

    test('IS11: two origins in one request', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim, attacker } = world;
      const both = [victim.origin, attacker.origin];
      for (const origin of [both, both.toReversed()]) {
        const withMaster = await world.attempt({ origin });
        assert.ok(withMaster !== null && [400, 403].includes(withMaster.status), `${withMaster?.status}`);
        const withOwn = await world.attempt({ origin, token: await attacker.token() });
        assert.ok(withOwn !== null && [400, 403].includes(withOwn.status), `${withOwn?.status}`);
      }
      await world.isUnharmed();
    });

    test('IS12: a ticket of its own, used where it should not be', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim, attacker } = world;
      await scene.admin.expect(200, 'PATCH', '/api/settings', { tickets_for_everyone: true });
      const api = Api.withToken(scene.server.direct, await attacker.token());
      const direct = (/** @type {string} */ ticket, /** @type {string} */ path) =>
        scene.raw({
          url: scene.server.directWs,
          path: `/t/${ticket}/doc`,
          token: '',
          finishRequest: (request) => {
            request.path = `/kraken:kraken:template.os/t/${ticket}/doc/${path}`;
            request.end();
          },
        });
      const paths = [ROOM, `${victim.id}:${ROOM}`, `..%2f${victim.id}%2f${ROOM}`, `${victim.id}%00${ROOM}`, '%2570lans'];
      for (const path of paths) {
        const { ticket } = await api.expect(201, 'POST', '/api/tickets', {});
        const client = direct(ticket, path);
        await client.open();
        await world.harm(client);
        const again = direct(ticket, path);
        await again.open();
        assert.notEqual(await again.denied(), '');
      }
      // Whose app a ticket is for is the owner's to say.
      const claimed = await api.call('POST', '/api/tickets', { app: victim.id });
      assert.ok([400, 403].includes(claimed.status), `${claimed.status} ${claimed.text}`);
      await world.isUnharmed();
    });

    test('IS13: a document within a document', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim, attacker } = world;
      const mallory = await scene.joined({ origin: attacker.origin, room: 'bait' });
      for (const guid of [ROOM, `${victim.id}:${ROOM}`, `../${victim.id}/${ROOM}`]) {
        mallory.map.set(guid, new Y.Doc({ guid, autoLoad: true, meta: { app: victim.id } }));
      }
      const accomplice = await scene.joined({ origin: attacker.origin, room: 'bait' });
      for (const child of accomplice.doc.getSubdocs()) {
        child.load();
        assert.equal(child.getText('text').toString(), '');
      }
      assert.equal(accomplice.map.size, 3);
      await world.isUnharmed();
    });

    test("IS14: awareness in the name of the victim's users", { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { attacker, member } = world;
      const mallory = await scene.rawSettled({ origin: attacker.origin, room: ROOM });
      const entries = [
        { id: member.id, clock: 1_000_000, state: { name: 'Not the member' } },
        { id: 1, clock: 1, state: { room: `${world.victim.id}:${ROOM}`, app: world.victim.id } },
      ];
      mallory.send(awareness(entries));
      await world.harm(mallory);
      mallory.send(awareness([{ id: member.id, clock: 2_000_000, state: null }]));
      await mallory.settle();
      await world.isUnharmed();
      assert.equal(member.awareness.getStates().has(1), false);
    });

    test("IS15: the API with the attacker's own admin token", { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim, attacker } = world;
      const api = Api.withToken(scene.server.http, await attacker.token({ scope: 'admin' }));
      /** @type {Array<[method: string, path: string, body?: unknown]>} */
      const calls = [
        ['GET', victim.path],
        ['PATCH', victim.path, { allowed_origins: [victim.origin, attacker.origin] }],
        ['DELETE', `${victim.path}?confirm=${victim.id}`],
        ['POST', `${victim.path}/secrets`, {}],
        ['DELETE', `${victim.path}/secrets/1`],
        ['POST', `${victim.path}/tokens`, { sub: 'x', aud: '*' }],
        ['PATCH', attacker.path, { allowed_origins: [victim.origin] }],
        ['GET', '/api/apps'],
      ];
      for (const [method, path, body] of calls) await api.refuses(403, 'forbidden', method, path, body);
      const tricks = [
        `${attacker.path}/../${victim.id}`,
        `${attacker.path}%2F..%2F${victim.id}`,
        `${attacker.path}/%2e%2e/${victim.id}`,
        `/api/apps/${victim.id}%00${attacker.id}`,
        `/api/apps/${attacker.id}%00${victim.id}`,
        `/api//apps/${victim.id}`,
        `/api/apps/${victim.id.toUpperCase()}`,
        `/api/apps/${victim.id}/`,
        `//api/apps/${victim.id}`,
      ];
      for (const path of tricks) {
        const { status, text } = await exchange(scene.server.http, { path, headers: api.headers });
        assert.ok(status >= 400 && !text.includes(victim.origin), `${path}: ${status} ${text}`);
      }
      const { token } = await api.expect(201, 'POST', `${attacker.path}/tokens`, { sub: 'x', aud: `${victim.id}:*` });
      await world.attempt({ token, origin: '' });
      const named = await api.call('POST', `${attacker.path}/tokens`, { sub: 'x', aud: '*', iss: victim.id });
      assert.equal(named.status, 400);
      await world.isUnharmed();
    });

    test('IS16: the name of an app that was deleted', { needs: ['apps'], within: 60_000 }, async (scene) => {
      const world = await World.of(scene);
      const { victim } = world;
      await scene.admin.expect(200, 'PATCH', '/api/settings', { tickets_for_everyone: true });
      const oldToken = await victim.token();
      const { ticket } = await Api.withToken(scene.server.http, oldToken).expect(201, 'POST', '/api/tickets', {});
      await scene.admin.expect(202, 'DELETE', `${victim.path}?confirm=${victim.id}`);
      const registration = { app_id: victim.id, name: 'Heir', allowed_origins: [victim.origin] };
      let answer;
      do {
        answer = await scene.admin.call('POST', '/api/apps', registration);
      } while (answer.json?.error?.code === 'app_being_deleted');
      assert.equal(answer.status, 201);

      const heir = await scene.rawSettled({ origin: victim.origin, room: ROOM });
      await world.harm(heir);
      assert.equal((await world.attempt({ token: oldToken, origin: '' }))?.status, 401);
      const byTicket = scene.raw({ url: scene.server.directWs, path: `/t/${ticket}/doc`, room: ROOM, token: '' });
      await byTicket.open();
      assert.notEqual(await byTicket.denied(), '');
    });

    test('IS17: what a refusal gives away', { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { victim, attacker } = world;
      const refusalOf = async (/** @type {string} */ token) => {
        const { status, text } = await exchange(`${scene.server.http}/api/apps`, { headers: { Authorization: `Bearer ${token}` } });
        return `${status} ${text}`;
      };
      const unknownApp = await refusalOf(await attacker.token({ iss: 'nobody' }));
      const wrongSecret = await refusalOf(await attacker.token({ iss: victim.id }));
      assert.equal(unknownApp, wrongSecret, 'whether an app exists');
      const token = await attacker.token({ aud: 'own/*' });
      const existing = await world.attempt({ token, path: ROOM, origin: '' });
      const missing = await world.attempt({ token, path: 'never-used', origin: '' });
      assert.deepEqual([existing?.status, existing?.code], [missing?.status, missing?.code]);
      for (const origin of [victim.origin, attacker.origin]) {
        const { headers } = await exchange(`${scene.server.http}/api/apps`, { headers: { Origin: origin } });
        assert.equal(headers['access-control-allow-credentials'], undefined);
      }
    });

    test("IS18: a program that claims to be the victim's page", { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene, { require_app_token: true });
      const { victim } = world;
      assert.equal((await world.attempt({ origin: victim.origin }))?.status, 401);
      assert.equal((await world.attempt({ origin: victim.origin, token: ADMIN_TOKEN }))?.status, 401);
      await world.isUnharmed();
    });

    test("IS19: the node's own doors, through a proxy on the same machine", { needs: ['apps'] }, async (scene) => {
      const world = await World.of(scene);
      const { server } = scene;
      const read = { path: '/kraken:template.os/link/key', action: 'Read' };
      const message = { process: 'vfs:distro:sys', expects_response: 5, body: JSON.stringify(read) };
      /** @type {Array<Record<string, string>>} */
      const proxies = [{ 'X-Forwarded-For': '203.0.113.9' }, { Forwarded: 'for=203.0.113.9' }, { 'X-Real-IP': '203.0.113.9' }, { Via: '1.1 proxy' }];
      for (const headers of [{}, ...proxies]) {
        const answer = await exchange(`${server.http}/rpc:distro:sys/message`, { method: 'POST', headers, body: message });
        assert.ok(answer.status >= 400, `${JSON.stringify(headers)}: ${answer.status} ${answer.text}`);
        const link = scene.raw({ origin: null, token: '', headers, path: '/kraken:kraken:template.os', room: 'link' });
        assert.ok((await link.refused()).status >= 400);
      }
      for (const headers of proxies) {
        const metrics = await exchange(`${server.http}/kraken:kraken:template.os/metrics`, { headers });
        assert.ok(metrics.status >= 400, `${JSON.stringify(headers)}: ${metrics.status}`);
      }
      await world.isUnharmed();
    });
  },
  { concurrency: true, once: true },
);
