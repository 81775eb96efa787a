// @ts-check
/**
 * A group call as Mixin Kraken's README describes it, step by step, and as its pages complete it:
 * whoever leaves is known by the mute of the track, and a lost call starts anew.
 *
 * Parameters of the page: `api`, `room`, `user`; `video` to send a camera's picture; `tcp` to use
 * no UDP; `relay` to use the TURN server only; `chat` to open a data channel that nobody needs, as
 * another client does.
 */

/** How often the page asks for news, in milliseconds. */
const POLL = 3_000;

/** Errors after which the page starts the call anew. */
const LOST = [5_002_001, 5_002_002];

const query = new URLSearchParams(location.search);
const api = query.get('api') ?? 'http://localhost:7000';
const roomId = query.get('room') ?? '';
const userId = query.get('user') ?? '';

/**
 * What tests look at.
 *
 * @type {{ pc: RTCPeerConnection | undefined, trackId: string, starts: number, errors: string[],
 *   local: MediaStream | undefined, restart: () => Promise<void> }}
 */
const call = { pc: undefined, trackId: '', starts: 0, errors: [], local: undefined, restart };
Object.assign(window, { call });

/**
 * @param {string} method
 * @param {unknown[]} params
 */
async function rpc(method, params = []) {
  const response = await fetch(api, {
    method: 'POST',
    mode: 'cors',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ id: crypto.randomUUID(), method, params }),
  });
  return await response.json();
}

async function start() {
  call.starts += 1;
  call.pc?.close();
  document.getElementById('peers')?.replaceChildren();
  const turn = await rpc('turn', [userId]);
  const configuration = /** @type {RTCConfiguration} */ ({
    bundlePolicy: 'max-bundle',
    rtcpMuxPolicy: 'require',
    iceServers: turn.data,
    iceTransportPolicy: query.has('relay') ? 'relay' : 'all',
  });
  const pc = new RTCPeerConnection(configuration);
  call.pc = pc;
  let trackId = '';

  pc.onicecandidate = ({ candidate }) => {
    void rpc('trickle', [roomId, userId, trackId, JSON.stringify(candidate)]);
  };

  pc.ontrack = ({ track, streams }) => {
    const [stream] = streams;
    if (stream === undefined) {
      call.errors.push('a track came without a stream');
      return;
    }
    const name = `${track.kind}-${stream.id}`;
    document.getElementById(name)?.remove();
    const element = /** @type {HTMLMediaElement} */ (document.createElement(track.kind));
    element.id = name;
    element.dataset.user = decodeURIComponent(stream.id);
    element.srcObject = new MediaStream([track]);
    element.autoplay = true;
    document.getElementById('peers')?.appendChild(element);
    track.onmute = () => element.remove();
  };

  if (query.has('chat')) pc.createDataChannel('chat');
  const constraints = { audio: true, video: query.has('video') ? { width: 320, height: 240 } : false };
  call.local ??= await navigator.mediaDevices.getUserMedia(constraints);
  const stream = call.local;
  stream.getTracks().forEach((track) => pc.addTrack(track, stream));
  await pc.setLocalDescription(await pc.createOffer());

  const res = await rpc('publish', [roomId, userId, JSON.stringify(pc.localDescription)]);
  if (res.error !== undefined) throw new Error(JSON.stringify(res.error));
  const jsep = JSON.parse(res.data.jsep);
  if (jsep.type === 'answer') {
    await pc.setRemoteDescription(query.has('tcp') ? withoutUdp(jsep) : jsep);
    trackId = res.data.track;
    call.trackId = trackId;
    void subscribe(pc, trackId);
  }
}

/**
 * @param {RTCPeerConnection} pc
 * @param {string} trackId
 */
async function subscribe(pc, trackId) {
  if (call.pc !== pc) return;
  const res = await rpc('subscribe', [roomId, userId, trackId]);
  if (LOST.includes(res.error?.code)) {
    await startAnew();
    return;
  }
  if (res.error === undefined) {
    const jsep = JSON.parse(res.data.jsep);
    if (jsep.type === 'offer') {
      await pc.setRemoteDescription(query.has('tcp') ? withoutUdp(jsep) : jsep);
      const sdp = await pc.createAnswer();
      await pc.setLocalDescription(sdp);
      await rpc('answer', [roomId, userId, trackId, JSON.stringify(sdp)]);
    }
  }
  setTimeout(() => void again(pc, trackId), POLL);
}

/** Looks for new network paths, as a page does whose machine has changed networks. */
async function restart() {
  const { pc, trackId } = call;
  if (pc === undefined) throw new Error('there is no call');
  await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
  const res = await rpc('restart', [roomId, userId, trackId, JSON.stringify(pc.localDescription)]);
  await pc.setRemoteDescription(JSON.parse(res.data.jsep));
}

/**
 * An engine that is away for a while is asked again.
 *
 * @param {RTCPeerConnection} pc
 * @param {string} trackId
 */
async function again(pc, trackId) {
  try {
    await subscribe(pc, trackId);
  } catch (error) {
    if (!(error instanceof TypeError)) {
      call.errors.push(String(error));
      return;
    }
    setTimeout(() => void again(pc, trackId), POLL);
  }
}

async function startAnew() {
  try {
    await start();
  } catch {
    setTimeout(() => void startAnew(), POLL);
  }
}

/**
 * What a network without UDP leaves of a description.
 *
 * @param {RTCSessionDescriptionInit} jsep
 * @returns {RTCSessionDescriptionInit}
 */
function withoutUdp({ type, sdp }) {
  return { type, sdp: (sdp ?? '').replace(/^a=candidate:\S+ \d udp .*\r\n/gim, '') };
}

start().catch((error) => call.errors.push(String(error)));
