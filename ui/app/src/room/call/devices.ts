import type { DeviceChoice, MediaOptions } from '@kraken/client';
import { messageOf } from '../../api/errors.ts';

export type DeviceKind = 'audio' | 'video';

/** What somebody joins a call with. */
export interface JoinOptions {
  audio: boolean;
  video: boolean;
}

/** What a call is made with. */
export function mediaOf({ audio, video }: JoinOptions): MediaOptions {
  return { audio, video: video && { width: { ideal: 1280 } } };
}

/** Opens camera and microphone, so that the browser asks for them. Null if neither is wanted. */
export async function openDevices(
  options: JoinOptions,
  { audioInput, videoInput }: DeviceChoice,
): Promise<MediaStream | null> {
  if (!options.audio && !options.video) return null;
  const { mediaDevices } = navigator as Partial<Navigator>;
  if (mediaDevices === undefined) throw new DOMException('no https', 'SecurityError');
  const { audio, video } = mediaOf(options);
  return mediaDevices.getUserMedia({
    audio: withDevice(audio, audioInput),
    video: withDevice(video, videoInput),
  });
}

function withDevice(
  wanted: boolean | MediaTrackConstraints = false,
  deviceId: string | undefined,
): boolean | MediaTrackConstraints {
  if (wanted === false || deviceId === undefined) return wanted;
  return { ...(wanted === true ? {} : wanted), deviceId: { exact: deviceId } };
}

export function isDeviceError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'media';
}

/** Why a device can't be had, and what to do about it. */
export function explainDevices(error: unknown): string {
  // The client's own errors have the browser's as their cause.
  const { cause = error } = error as { cause?: unknown };
  switch ((cause as { name?: unknown }).name) {
    case 'NotAllowedError':
      return 'Your browser keeps the microphone or camera from this page. Allow them beside the address, then join again.';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'There is no such microphone or camera. Plug one in, choose another, or join without.';
    case 'NotReadableError':
      return 'Another program uses the microphone or camera. Close it, then join again.';
    case 'SecurityError':
      return 'Browsers allow calls only on https:// or localhost. Open this page that way.';
    default:
      return `The microphone or camera can’t be opened. ${messageOf(error)}`;
  }
}
