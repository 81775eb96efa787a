// @ts-check
/** WHIP as OBS Studio speaks it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing, obs } from '../lib/obs.js';
import { kraken, stage } from '../lib/scene.js';
import { until } from '../lib/wait.js';

/** How long the server may take to forget somebody, on a busy machine, in milliseconds. */
const SOON = 30_000;

test('WH1: OBS publishes H.264 and Opus by WHIP, and Chromium plays them by WHEP', { skip: missing }, async (context) => {
  const publisher = obs(`${kraken.url}/whip/show`, await kraken.token('show'));
  context.after(() => publisher.end('SIGKILL'));
  const [, location = '', answer = ''] = await publisher.prints(/^answer 201 (.*)\n([^]*)^connected$/m);
  assert.match(location, /^\/[^?]+$/, 'OBS loses what is behind a question mark');
  checkAnswer(answer);

  const player = await stage.whip();
  await player.play(`${kraken.url}/whep/show`, await kraken.token('show', 'read'));
  await player.untilConnected();
  await player.untilPlays();
  const peers = await kraken.peers('show');
  const peer = peers.find(({ peer }) => /^whip-/.test(peer));
  assert.deepEqual(peer.tracks.map((/** @type {any} */ track) => track.kind).sort(), ['audio', 'video']);

  assert.equal(await player.leave(), 200);
  await publisher.end();
  // It hangs up before it asks, so the session may be gone by then; OBS only notes that.
  assert.match(publisher.output, /^deleted (200|404)$/m);
  await until('nobody is in the show', SOON, async () => (await kraken.peers('show')).length === 0);
  await player.vanish();
});

test('WH2: who may not publish is told so in a way that OBS shows', { skip: missing }, async () => {
  const reader = await kraken.token('show', 'read');
  for (const [bearer, status] of /** @type {const} */ ([['nonsense', 401], [reader, 403]])) {
    const publisher = obs(`${kraken.url}/whip/show`, bearer);
    await publisher.prints(new RegExp(`^answer ${status} `, 'm'));
    await publisher.end('SIGKILL');
  }
});

/** Looks at all that libdatachannel reads of an answer. @param {string} sdp */
function checkAnswer(sdp) {
  assert.match(sdp, /^v=0\r\n/);
  const [session = '', ...sections] = sdp.split(/^(?=m=)/m);
  const [audio = '', video = ''] = sections;
  assert.equal(sections.length, 2);
  assert.match(session, /^a=group:BUNDLE 0 1\r$/m);
  assert.match(audio, /^m=audio \d+ UDP\/TLS\/RTP\/SAVPF 111\r$/m);
  assert.match(audio, /^a=rtpmap:111 opus\/48000\/2\r$/m);
  assert.match(video, /^m=video \d+ UDP\/TLS\/RTP\/SAVPF 96\r$/m);
  assert.match(video, /^a=rtpmap:96 H264\/90000\r$/m);
  assert.match(video, /^a=fmtp:96 .*packetization-mode=1.*\r$/m);
  assert.match(video, /^a=rtcp-fb:96 nack\r$/m);
  for (const [mid, section] of sections.entries()) {
    assert.match(section, new RegExp(`^a=mid:${mid}\r$`, 'm'));
    assert.match(section, /^a=recvonly\r$/m);
    assert.match(section, /^a=rtcp-mux\r$/m);
  }
  for (const line of [/a=setup:passive/, /a=fingerprint:sha-256 /, /a=ice-ufrag:/, /a=ice-pwd:/, /a=candidate:.* 127\.0\.0\.1 /]) {
    assert.match(sdp, line);
  }
}
