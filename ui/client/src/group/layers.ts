import type { Source } from './protocol.js';

/** From what width on a camera's picture is worth three layers, and two. */
const THREE_LAYERS = 960;
const TWO_LAYERS = 480;

const KBIT = 1000;
/** What a camera's picture of a width may take, in bits a second. */
const BITRATES = [
  [1920, 3000 * KBIT],
  [1280, 1700 * KBIT],
  [960, 1000 * KBIT],
  [640, 600 * KBIT],
  [480, 400 * KBIT],
  [320, 200 * KBIT],
  [0, 120 * KBIT],
] as const;

/** A screen is read, so its small layer is slow rather than blurred beyond that. */
const SCREEN: readonly RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 2, maxBitrate: 300 * KBIT, maxFramerate: 5 },
  { rid: 'h', scaleResolutionDownBy: 1, maxBitrate: 2000 * KBIT, maxFramerate: 15 },
];

const SPEECH_BITRATE = 48 * KBIT;
const MUSIC_BITRATE = 96 * KBIT;

/** In which qualities a track is sent at once, from low to high. */
export function encodingsOf(source: Source, media: MediaStreamTrack): RTCRtpEncodingParameters[] {
  switch (source) {
    case 'microphone':
      return [{ maxBitrate: SPEECH_BITRATE }];
    case 'screen-audio':
      return [{ maxBitrate: MUSIC_BITRATE }];
    case 'screen':
      return SCREEN.map((layer) => ({ ...layer }));
    case 'camera':
      return cameraLayers(widthOf(media));
  }
}

function cameraLayers(width: number): RTCRtpEncodingParameters[] {
  if (width < TWO_LAYERS) return [{ maxBitrate: bitrateOf(width) }];
  const count = width < THREE_LAYERS ? 2 : 3;
  return ['q', 'h', 'f'].slice(0, count).map((rid, index) => {
    const scaleResolutionDownBy = 2 ** (count - 1 - index);
    return { rid, scaleResolutionDownBy, maxBitrate: bitrateOf(width / scaleResolutionDownBy) };
  });
}

function bitrateOf(width: number): number {
  return BITRATES.find(([least]) => width >= least)?.[1] ?? 0;
}

/** Of a picture that stands upright, the longer side counts. What doesn't say is taken for 720p. */
function widthOf(media: MediaStreamTrack): number {
  const { width = 1280, height = 0 } = media.getSettings();
  return Math.max(width, height);
}
