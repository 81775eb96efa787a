// @ts-check
/**
 * WHIP and WHEP by `fetch` and `RTCPeerConnection`, with nothing of Kraken's. Also plays a file.
 * A page publishes or receives, once.
 */

const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
const video = /** @type {HTMLVideoElement} */ (document.querySelector('video'));
let session = { url: '', etag: '', token: '' };
Object.assign(window, { whip: { publish, play, trickle, leave, received, state, playFile } });

/** @param {string} endpoint @param {string} token @param {string} [codec] the only one for video, as in `video/VP9` */
async function publish(endpoint, token, codec) {
  const media = await navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: 320, height: 240, frameRate: 15 },
  });
  for (const track of media.getTracks()) {
    const transceiver = pc.addTransceiver(track, { direction: 'sendonly' });
    if (track.kind === 'video' && codec !== undefined) transceiver.setCodecPreferences(codecs(codec));
  }
  await begin(endpoint, token);
}

/** @param {string} endpoint @param {string} token */
async function play(endpoint, token) {
  const received = new MediaStream();
  video.srcObject = received;
  pc.ontrack = ({ track }) => received.addTrack(track);
  for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
  await begin(endpoint, token);
}

/** @param {string} type */
function codecs(type) {
  const known = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  return known.filter(({ mimeType }) => mimeType === type);
}

/** @param {string} endpoint @param {string} token */
async function begin(endpoint, token) {
  await pc.setLocalDescription();
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` },
    body: pc.localDescription?.sdp ?? '',
  });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  const url = new URL(response.headers.get('Location') ?? '', endpoint).href;
  session = { url, etag: response.headers.get('ETag') ?? '', token };
  await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
}

/** Sends a fragment that says that there are no more candidates; gives the status. */
async function trickle() {
  const sdp = pc.localDescription?.sdp ?? '';
  const lines = ['ice-ufrag', 'ice-pwd'].map((name) => new RegExp(`^a=${name}:.*$`, 'm').exec(sdp)?.[0].trim());
  const response = await fetch(session.url, {
    method: 'PATCH',
    headers: {
      'Content-Type': 'application/trickle-ice-sdpfrag',
      'If-Match': session.etag,
      Authorization: `Bearer ${session.token}`,
    },
    body: [...lines, 'a=end-of-candidates', ''].join('\r\n'),
  });
  return response.status;
}

/** Ends the session; gives the status. */
async function leave() {
  const headers = { Authorization: `Bearer ${session.token}` };
  const response = await fetch(session.url, { method: 'DELETE', headers });
  pc.close();
  return response.status;
}

/** How much was decoded. */
async function received() {
  const total = { energy: 0, frames: 0 };
  for (const report of (await pc.getStats()).values()) {
    if (report.type !== 'inbound-rtp') continue;
    total.energy += report.totalAudioEnergy ?? 0;
    total.frames += report.framesDecoded ?? 0;
  }
  return total;
}

function state() {
  return pc.connectionState;
}

/**
 * Plays a file to its end, then the part from its middle on.
 *
 * @param {string} url
 * @returns {Promise<{ duration: number, frames: number, width: number, seeked: number }>}
 */
async function playFile(url) {
  video.srcObject = null;
  video.muted = true;
  video.src = url;
  video.playbackRate = 4;
  await happened('ended');
  const { duration, videoWidth: width } = video;
  const frames = video.getVideoPlaybackQuality().totalVideoFrames;
  video.currentTime = duration / 2;
  await happened('seeked');
  return { duration, frames, width, seeked: video.currentTime };
}

/** @param {string} event */
async function happened(event) {
  await new Promise((resolve, reject) => {
    video.addEventListener(event, resolve, { once: true });
    video.addEventListener('error', () => reject(new Error(video.error?.message)), { once: true });
  });
}
