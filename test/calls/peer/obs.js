#!/usr/bin/env node
// @ts-check
/**
 * What OBS Studio's WHIP output does, with the libraries by which it does it: libdatachannel and
 * curl. The steps and their order are those of `plugins/obs-webrtc/whip-output.cpp` in OBS 30.
 *
 *     obs.js SERVER BEARER
 *
 * Prints `answer STATUS` and the answer; `connected` when media can flow, and then sends a film.
 * Told to end, it prints `deleted STATUS`.
 */
import { execFile } from 'node:child_process';
import datachannel from 'node-datachannel';
import { AUDIO_RATE, film, VIDEO_RATE } from '../lib/clip.js';
import { until } from '../lib/wait.js';

const AGENT = 'Mozilla/5.0 (OBS-Studio/30.2.3; Linux x86_64; en-US)';
const LONGEST_FRAGMENT = 1200;
const SSRC = 190_119_937;
const CNAME = 'f1yQ3kVmZs8aTqRb';
const STREAM = 'Xw0uLr5PdN2cHe7J';

/** Seconds until a request has failed, and milliseconds until media has to flow. */
const REQUEST_TIME = 8;
const SOON = 30_000;

/** @typedef {{ status: number, location: string, body: string }} Answer */
/**
 * A track, and the handlers of the library that live as long as this is held.
 *
 * @typedef {{ track: datachannel.Track, rtp: datachannel.RtpPacketizationConfig, chain: datachannel.MediaHandler[] }} Output
 */

class Obs {
  #peer = new datachannel.PeerConnection('obs', { iceServers: [], bindAddress: '127.0.0.1' });
  #resource = '';
  /** @type {NodeJS.Timeout[]} */
  #timers = [];

  /** @param {string} server as in OBS's settings @param {string} bearer likewise */
  constructor(server, bearer) {
    this.server = server;
    this.bearer = bearer;
    this.audio = this.#addAudio();
    this.video = this.#addVideo();
    this.#peer.setLocalDescription();
  }

  /** Publishes; gives the answer, which OBS takes if it is a 201. */
  async start() {
    const offer = this.#peer.localDescription()?.sdp ?? '';
    const answer = await this.#ask(this.server, ['-H', 'Content-Type: application/sdp', '--data-binary', offer]);
    if (answer.status !== 201) return answer;
    this.#resource = resource(this.server, answer.location);
    this.#peer.setRemoteDescription(answer.body.slice(answer.body.indexOf('v=0')), 'answer');
    return answer;
  }

  async untilConnected() {
    await until('OBS is connected', SOON, async () => this.#peer.state() === 'connected');
    await until('OBS can send', SOON, async () => this.audio.track.isOpen() && this.video.track.isOpen());
  }

  /** Sends a clip again and again, as fast as it is. @param {import('../lib/clip.js').Clip} clip */
  play(clip) {
    this.#repeat(this.audio, clip.audio, AUDIO_RATE);
    this.#repeat(this.video, clip.video, VIDEO_RATE);
  }

  /** Hangs up, then ends the session; gives the status. */
  async stop() {
    for (const timer of this.#timers) clearInterval(timer);
    this.#peer.close();
    const { status } = await this.#ask(this.#resource, ['--request', 'DELETE']);
    return status;
  }

  #addAudio() {
    const description = new datachannel.Audio('0', 'SendOnly');
    description.addOpusCodec(111);
    description.addSSRC(SSRC, CNAME, STREAM, `${STREAM}-audio`);
    const rtp = new datachannel.RtpPacketizationConfig(SSRC, CNAME, 111, 48_000);
    return this.#add(description, rtp, new datachannel.RtpPacketizer(rtp));
  }

  #addVideo() {
    const description = new datachannel.Video('1', 'SendOnly');
    description.addSSRC(SSRC + 1, CNAME, STREAM, `${STREAM}-video`);
    description.addH264Codec(96);
    const rtp = new datachannel.RtpPacketizationConfig(SSRC + 1, CNAME, 96, 90_000);
    return this.#add(description, rtp, new datachannel.H264RtpPacketizer('StartSequence', rtp, LONGEST_FRAGMENT));
  }

  /**
   * @param {datachannel.Audio | datachannel.Video} description
   * @param {datachannel.RtpPacketizationConfig} rtp
   * @param {datachannel.RtpPacketizer} packetizer
   * @returns {Output}
   */
  #add(description, rtp, packetizer) {
    const chain = [packetizer, new datachannel.RtcpSrReporter(rtp), new datachannel.RtcpNackResponder()];
    for (const handler of chain.slice(1)) packetizer.addToChain(handler);
    const track = this.#peer.addTrack(description);
    track.setMediaHandler(packetizer);
    return { track, rtp, chain };
  }

  /** @param {Output} output @param {Buffer[]} frames @param {number} rate frames a second */
  #repeat({ track, rtp }, frames, rate) {
    const begin = performance.now();
    let sent = 0;
    const send = () => {
      for (const due = ((performance.now() - begin) * rate) / 1000; sent < due; sent++) {
        rtp.timestamp = (rtp.timestamp + rtp.clockRate / rate) >>> 0;
        track.sendMessageBinary(/** @type {Buffer} */ (frames[sent % frames.length]));
      }
    };
    this.#timers.push(setInterval(send, 1000 / rate));
  }

  /** @param {string} url @param {string[]} more @returns {Promise<Answer>} */
  async #ask(url, more) {
    const args = ['-sS', '--include', '--location', '--max-time', `${REQUEST_TIME}`, '--user-agent', AGENT];
    return parse(await curl([...args, '-H', `Authorization: Bearer ${this.bearer}`, ...more, url]));
  }
}

/**
 * The address of a session. OBS puts a `Location` without a host in the place of the path, whatever
 * is in it.
 *
 * @param {string} server
 * @param {string} location
 */
function resource(server, location) {
  if (location.startsWith('http')) return location;
  const url = new URL(server);
  url.pathname = location;
  url.search = '';
  return url.href;
}

/** @param {string[]} args @returns {Promise<string>} */
async function curl(args) {
  return await new Promise((resolve, reject) => {
    execFile('curl', args, (error, stdout) => (error === null ? resolve(stdout) : reject(error)));
  });
}

/** @param {string} response of HTTP/1.1 @returns {Answer} */
function parse(response) {
  const end = response.indexOf('\r\n\r\n');
  const head = response.slice(0, end);
  return {
    status: Number(head.split(' ')[1]),
    location: /^location: *(.*)$/im.exec(head)?.[1] ?? '',
    body: response.slice(end + 4),
  };
}

/** @param {string} server @param {string} bearer */
async function main(server, bearer) {
  const clip = await film();
  const obs = new Obs(server, bearer);
  process.once('SIGTERM', async () => {
    process.stdout.write(`deleted ${await obs.stop()}\n`);
    exit();
  });
  const { status, location, body } = await obs.start();
  process.stdout.write(`answer ${status} ${location}\n${body}\n`);
  if (status !== 201) return exit();
  await obs.untilConnected();
  process.stdout.write('connected\n');
  obs.play(clip);
}

/** The library's threads may crash a process that ends in order. */
function exit() {
  process.kill(process.pid, 'SIGKILL');
}

const [server = '', bearer = ''] = process.argv.slice(2);
await main(server, bearer);
