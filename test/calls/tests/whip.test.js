// @ts-check
/** WHIP and WHEP, with programs that know nothing of Kraken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gstreamer, missing } from '../lib/gstreamer.js';
import { kraken, stage } from '../lib/scene.js';
import { until } from '../lib/wait.js';

/** How long somebody may take to be heard, on a busy machine, in milliseconds. */
const SOON = 30_000;

/** @param {string} room */
async function untilEmpty(room) {
  await until(`nobody is in ${room}`, SOON, async () => (await kraken.peers(room)).length === 0);
}

test('WH1: Chromium publishes by WHIP and plays by WHEP', async () => {
  const token = await kraken.token('browser');
  const publisher = await stage.whip();
  await publisher.publish(`${kraken.url}/whip/browser`, token);
  await publisher.untilConnected();
  const player = await stage.whip();
  await player.play(`${kraken.url}/whep/browser`, token);
  await player.untilConnected();
  await player.untilPlays();
  const peers = await kraken.peers('browser');
  const peer = peers.find(({ peer }) => /^whip-/.test(peer));
  assert.deepEqual(peer.tracks.map((/** @type {any} */ track) => track.kind).sort(), ['audio', 'video']);

  assert.equal(await publisher.trickle(), 204);
  assert.equal(await player.leave(), 200);
  assert.equal(await publisher.leave(), 200);
  await untilEmpty('browser');
  await publisher.vanish();
  await player.vanish();
});

test('WH1: GStreamer publishes by WHIP and plays by WHEP', { skip: missing }, async (context) => {
  const token = await kraken.token('studio');
  const publisher = gstreamer('publish', `${kraken.url}/whip/studio`, token);
  context.after(() => publisher.end('SIGKILL'));
  await publisher.prints(/^connected$/m);
  const reader = await kraken.token('studio', 'read');
  const player = gstreamer('play', `${kraken.url}/whep/studio`, reader);
  context.after(() => player.end('SIGKILL'));
  await player.prints(/^audio \d+$/m);
  await player.prints(/^video \d+$/m);

  const viewer = await stage.whip();
  await viewer.play(`${kraken.url}/whep/studio`, token);
  await viewer.untilPlays();
  await viewer.vanish();
  await player.end();
  await publisher.end();
  assert.match(player.output, /^deleted 200$/m);
  assert.match(publisher.output, /^deleted 200$/m);
  await untilEmpty('studio');
});
