// @ts-check
/** A short film in the codecs that WebRTC takes, cut into what an encoder gives out at a time. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const FFMPEG = 'ffmpeg';
const run = promisify(execFile);

/** Frames of picture and of sound in a second. */
export const VIDEO_RATE = 15;
export const AUDIO_RATE = 50;

/** Pictures that move, with a picture that stands for itself each second, and a tone. */
const PICTURES = `-f lavfi -i testsrc2=size=320x240:rate=${VIDEO_RATE} -t 2`.split(' ');
const H264 = [
  ...'-c:v libx264 -preset ultrafast -profile:v baseline -bf 0 -b:v 300k'.split(' '),
  ...`-g ${VIDEO_RATE} -x264-params repeat-headers=1:aud=1:scenecut=0 -f h264 -`.split(' '),
];
const TONE = '-f lavfi -i sine=frequency=440:sample_rate=48000 -t 2'.split(' ');
const OPUS = '-c:a libopus -b:a 64k -frame_duration 20 -page_duration 20000 -f ogg -'.split(' ');

/** Marks a new frame of H.264; encoders for WebRTC leave it out. */
const DELIMITER = Buffer.from([0, 0, 0, 1, 9]);

/** Why there is none, or `false`. */
export const missing =
  spawnSync(FFMPEG, ['-version']).status === 0 ? false : 'install ffmpeg to make a film: apt-get install ffmpeg';

/** @typedef {{ video: Buffer[], audio: Buffer[] }} Clip */

/** @returns {Promise<Clip>} */
export async function film() {
  const [video, audio] = await Promise.all([encode(PICTURES, H264), encode(TONE, OPUS)]);
  return { video: accessUnits(video), audio: oggPackets(audio).slice(2) };
}

/** @param {string[]} source @param {string[]} codec */
async function encode(source, codec) {
  const args = ['-nostdin', '-v', 'error', ...source, ...codec];
  const { stdout } = await run(FFMPEG, args, { encoding: 'buffer', maxBuffer: 1 << 24 });
  return stdout;
}

/** @param {Buffer} stream with a delimiter of six bytes before each */
function accessUnits(stream) {
  const units = [];
  let begin = stream.indexOf(DELIMITER);
  while (begin !== -1) {
    const end = stream.indexOf(DELIMITER, begin + 1);
    units.push(stream.subarray(begin + DELIMITER.length + 1, end === -1 ? undefined : end));
    begin = end;
  }
  return units;
}

/** @param {Buffer} stream with one packet on each page */
function oggPackets(stream) {
  const packets = [];
  for (let page = 0; page < stream.length; ) {
    const lengths = stream.subarray(page + 27, page + 27 + stream.readUInt8(page + 26));
    const begin = page + 27 + lengths.length;
    page = begin + lengths.reduce((sum, length) => sum + length, 0);
    packets.push(stream.subarray(begin, page));
  }
  return packets;
}
