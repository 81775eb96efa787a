// @ts-check
/** GStreamer as a client. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './process.js';

const PYTHON = '/usr/bin/python3';
const CLIENT = fileURLToPath(new URL('../peer/gstreamer.py', import.meta.url));

/** What `peer/gstreamer.py` needs; fails where something of it is missing. */
const PROBE = `
import gi
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstWebRTC
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ["webrtcbin", "nicesrc", "vp8enc", "rtpvp8pay", "opusenc", "dtlsenc", "srtpenc"]))
`;

/** Why tests with GStreamer are skipped, or `false`. */
export const missing =
  spawnSync(PYTHON, ['-c', PROBE]).status === 0
    ? false
    : 'install GStreamer to test with it: apt-get install python3-gst-1.0 gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice gstreamer1.0-plugins-good';

/** @param {'publish' | 'play'} action @param {string} endpoint @param {string} token */
export function gstreamer(action, endpoint, token) {
  return new ServerProcess(PYTHON, [CLIENT, action, endpoint, token]);
}
