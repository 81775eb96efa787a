// @ts-check
/** Recordings of what Chromium sends, which Chromium and ffprobe open. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { kraken, stage } from '../lib/scene.js';
import { until } from '../lib/wait.js';

const run = promisify(execFile);
const FFPROBE = '/usr/bin/ffprobe';

/** How long the call is recorded, in seconds. */
const LENGTH = Number(process.env.RECORDING_SECONDS ?? 10);
/** How long it is for each codec. */
const SHORT = 3;

/** What ffprobe finds in a file. @param {string} file @returns {Promise<{ codecs: string[], duration: number }>} */
async function probe(file) {
  const { stdout } = await run(FFPROBE, ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', file]);
  const { streams, format } = JSON.parse(stdout);
  const codecs = streams.map((/** @type {any} */ stream) => stream.codec_name).sort();
  return { codecs, duration: Number(format.duration) };
}

test('RC12: the recording of a call plays in Chromium, and ffprobe finds all of it', async () => {
  const token = await kraken.token('standup');
  const ada = await stage.whip();
  await ada.publish(`${kraken.url}/whip/standup`, token);
  await ada.untilConnected();
  const ben = await stage.whip();
  await ben.play(`${kraken.url}/whep/standup`, token);
  await ben.untilPlays();

  const room = { app: 'default', room: 'standup' };
  const begun = await kraken.ask('POST', '/api/recordings', room);
  assert.equal(begun.status, 201);
  assert.equal(begun.body.room, 'standup');
  assert.equal((await kraken.ask('POST', '/api/recordings', room)).body.error.code, 'recording');
  // The length of the call is what is tested.
  await pause(LENGTH * 1_000);
  const ended = await kraken.ask('DELETE', '/api/recordings?app=default&room=standup');
  assert.equal(ended.status, 200);
  const { files, bytes } = ended.body;
  assert.equal(files.length, 1);
  assert.ok(bytes > LENGTH * 5_000, `${bytes} bytes`);
  assert.deepEqual((await kraken.ask('GET', '/api/recordings')).body, { recordings: [ended.body] });
  assert.equal(await ada.leave(), 200);

  const [file] = files;
  assert.match(file, /0001-whip-[^/]*\.webm$/);
  if (existsSync(FFPROBE)) {
    const { codecs, duration } = await probe(file);
    assert.deepEqual(codecs, ['opus', 'vp8']);
    assert.ok(Math.abs(duration - LENGTH) < 1, `${duration} s`);
  }
  const played = await ben.playFile(await readFile(file));
  assert.ok(Math.abs(played.duration - LENGTH) < 1, `${played.duration} s`);
  assert.ok(played.frames > LENGTH * 5, `${played.frames} frames`);
  assert.ok(played.width > 0);
  assert.ok(Math.abs(played.seeked - played.duration / 2) < 0.01);
  await ada.vanish();
  await ben.vanish();
});

for (const { codec, name, extension } of [
  { codec: 'video/VP9', name: 'vp9', extension: 'webm' },
  { codec: 'video/AV1', name: 'av1', extension: 'webm' },
  { codec: 'video/H264', name: 'h264', extension: 'mkv' },
]) {
  test(`RC1: a recording of ${name} plays in Chromium, too`, async () => {
    const ada = await stage.whip();
    await ada.publish(`${kraken.url}/whip/${name}`, await kraken.token(name), codec);
    await ada.untilConnected();
    assert.equal((await kraken.ask('POST', '/api/recordings', { room: name })).status, 201);
    await pause(SHORT * 1_000);
    const { body } = await kraken.ask('DELETE', `/api/recordings?room=${name}`);
    await ada.vanish();
    const file = body.files.at(-1);
    assert.ok(file.endsWith(`.${extension}`), file);
    if (existsSync(FFPROBE)) assert.deepEqual((await probe(file)).codecs, [name, 'opus'].sort());
    const player = await stage.whip();
    const played = await player.playFile(await readFile(file));
    assert.ok(played.duration > 1 && played.duration < SHORT + 1, `${played.duration} s`);
    assert.ok(played.frames > 5, `${played.frames} frames`);
    await player.vanish();
  });
}

test('RC11: a recording needs a call, and ends with it', async () => {
  const room = 'short';
  const refused = await kraken.ask('POST', '/api/recordings', { room });
  assert.deepEqual([refused.status, refused.body.error.code], [404, 'no_such_room']);
  const ada = await stage.whip();
  await ada.publish(`${kraken.url}/whip/${room}`, await kraken.token(room));
  await ada.untilConnected();
  const begun = await kraken.ask('POST', '/api/recordings', { room });
  assert.equal((await kraken.call(room)).recorded, true);
  assert.equal(await ada.leave(), 200);
  await until('the recording has ended', 20_000, async () => {
    const { body } = await kraken.ask('GET', '/api/recordings');
    const [latest] = body.recordings;
    return latest.recording === begun.body.recording && latest.ended !== null;
  });
  assert.equal((await kraken.ask('DELETE', `/api/recordings?room=${room}`)).status, 409);
  await ada.vanish();
});
