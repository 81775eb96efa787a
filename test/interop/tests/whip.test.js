// @ts-check
/** WHIP and WHEP, as programs speak them that know nothing of Kraken. */
import assert from 'node:assert/strict';
import { RTCPeerConnection } from 'werift';
import { assertRefusal } from '../lib/api.js';
import { Caller } from '../lib/caller.js';
import { exchange } from '../lib/http.js';
import { suite } from '../lib/suite.js';

/** @typedef {import('../lib/suite.js').Scene} Scene */

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';

/**
 * A description of a program that sends, or receives, a picture and a voice.
 *
 * @param {Scene} scene
 * @param {'sendonly' | 'recvonly'} direction
 */
async function offer(scene, direction) {
  const connection = new RTCPeerConnection();
  scene.cleanups.push(() => connection.close());
  for (const kind of /** @type {const} */ (['audio', 'video'])) connection.addTransceiver(kind, { direction });
  const { sdp } = await connection.createOffer();
  return sdp;
}

/**
 * Asks one of the doors.
 *
 * @param {Scene} scene
 * @param {string} method
 * @param {string} path
 * @param {string} token
 * @param {Record<string, string>} [headers]
 * @param {string} [body]
 */
function ask(scene, method, path, token, headers = {}, body) {
  const authorized = token === '' ? headers : { authorization: `Bearer ${token}`, ...headers };
  return exchange(scene.server.http + path, { method, headers: authorized, body });
}

suite(
  'WHIP and WHEP',
  (test) => {
    test('WH1, WH4, WH5: a publisher comes, trickles, and goes', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const token = await app.token();
      const watcher = new Caller(`${scene.server.ws}/doc/${scene.room}`, { token });
      scene.cleanups.push(() => watcher.terminate());
      await watcher.open();
      await watcher.join('watcher');

      const sdp = await offer(scene, 'sendonly');
      const made = await ask(scene, 'POST', `/whip/${scene.room}`, token, { 'content-type': SDP }, sdp);
      assert.equal(made.status, 201, made.text);
      assert.equal(made.headers['content-type'], SDP);
      assert.match(made.text, /^v=0\r\n/);
      const { location = '', etag = '' } = made.headers;
      assert.ok(location.startsWith(`/whip/${scene.room}/`), location);
      assert.match(etag, /^"[^"]+"$/);
      const publisher = await watcher.next('peer');
      assert.match(publisher['peer'], /^whip-/);
      assert.deepEqual(
        publisher['tracks'].map((/** @type {{ kind: string }} */ { kind }) => kind).toSorted(),
        ['audio', 'video'],
      );

      const ufrag = /^a=ice-ufrag:(.*)$/m.exec(sdp)?.[1]?.trim();
      const pwd = /^a=ice-pwd:(.*)$/m.exec(sdp)?.[1]?.trim();
      const fragment = `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${pwd}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=end-of-candidates\r\n`;
      const trickle = (/** @type {Record<string, string>} */ headers) =>
        ask(scene, 'PATCH', location, token, { 'content-type': FRAGMENT, ...headers }, fragment);
      assert.equal((await trickle({ 'if-match': etag })).status, 204);
      assert.equal((await trickle({ 'if-match': '"another"' })).status, 412);
      assert.equal((await trickle({})).status, 428);

      assert.equal((await ask(scene, 'DELETE', location, '')).status, 401);
      assert.equal((await ask(scene, 'DELETE', location, token)).status, 200);
      assert.equal((await watcher.next('peer-left'))['peer'], publisher['peer']);
      assert.equal((await ask(scene, 'DELETE', location, token)).status, 404);
    });

    test('WH1: a receiver comes by WHEP, with a token that may only read', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const token = await app.token({ scope: 'read' });
      const sdp = await offer(scene, 'recvonly');
      const path = `/whep/team/${scene.room}?token=${token}`;
      const made = await ask(scene, 'POST', path, '', { 'content-type': SDP }, sdp);
      assert.equal(made.status, 201, made.text);
      const { location = '' } = made.headers;
      assert.ok(location.startsWith(`/whep/team/${scene.room}/`) && location.endsWith(`?token=${token}`), location);
      assert.equal((await ask(scene, 'DELETE', location, '')).status, 200);
    });

    test('WH2: without the right token the doors stay shut', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const sdp = await offer(scene, 'sendonly');
      const knock = (/** @type {string} */ token) =>
        ask(scene, 'POST', `/whip/${scene.room}`, token, { 'content-type': SDP }, sdp);
      for (const [token, status, code] of /** @type {const} */ ([
        ['', 401, 'invalid_token'],
        ['nonsense', 401, 'invalid_token'],
        [await app.token({ scope: 'read' }), 403, 'not_allowed'],
        [await app.token({ aud: 'elsewhere' }), 403, 'room_not_allowed'],
      ])) {
        assertRefusal(await knock(token), status, code, `a token ${token}`);
      }
    });

    test('WH3: what is no offer is refused with the status for that', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const token = await app.token();
      const path = `/whip/${scene.room}`;
      const post = (/** @type {Record<string, string>} */ headers, /** @type {string} */ body) =>
        ask(scene, 'POST', path, token, headers, body);
      const sdp = await offer(scene, 'sendonly');
      assertRefusal(await post({ 'content-type': SDP }, 'nonsense'), 400, 'bad_sdp', 'nonsense');
      assertRefusal(await post({ 'content-type': 'text/plain' }, sdp), 415, 'unsupported_media_type', 'text');
      assertRefusal(await post({ 'content-type': SDP, accept: 'text/html' }, sdp), 406, 'not_acceptable', 'html');
      assertRefusal(await post({ 'content-type': SDP }, 'x'.repeat(200_000)), 413, 'too_large', 'large');
      const get = await ask(scene, 'GET', path, token);
      assertRefusal(get, 405, 'method_not_allowed', 'GET');
      assert.equal(get.headers['allow'], 'POST, PATCH, DELETE, OPTIONS');
    });

    test('WH6: pages of registered origins may use them', { needs: ['apps'] }, async (scene) => {
      const app = await scene.app();
      const preflight = { origin: app.origin, 'access-control-request-method': 'PATCH' };
      const allowed = await ask(scene, 'OPTIONS', `/whip/${scene.room}`, '', preflight);
      assert.equal(allowed.status, 204);
      assert.equal(allowed.headers['access-control-allow-origin'], app.origin);
      assert.match(allowed.headers['access-control-allow-headers'] ?? '', /if-match/);
      const headers = { origin: app.origin, 'content-type': SDP };
      const made = await ask(scene, 'POST', `/whip/${scene.room}`, await app.token(), headers, await offer(scene, 'sendonly'));
      assert.equal(made.status, 201, made.text);
      assert.equal(made.headers['access-control-expose-headers'], 'location, etag');
      const evil = { ...preflight, origin: 'https://evil.example' };
      const refused = await ask(scene, 'OPTIONS', `/whip/${scene.room}`, '', evil);
      assert.equal(refused.headers['access-control-allow-origin'], undefined);
      assert.equal(refused.headers['accept-post'], SDP);
    });

    test('CA13: the node itself has no answer that comes later', { needs: ['apps'] }, async (scene) => {
      const owner = await scene.owner();
      await owner.refuses(501, 'gateway_only', 'GET', '/api/calls');
    });
  },
  { server: { engine: true } },
);
