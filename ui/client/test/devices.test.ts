import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KrakenClient } from '../src/index.js';
import { SignalType } from '../src/protocol.js';
import { FakePeerConnection, FakeRoom, settle, stubBrowser } from './fakes.js';
import type { FakeDevices, FakeStream } from './fakes.js';

let room: FakeRoom;
let browser: FakeDevices;
let ann: KrakenClient;
let bob: KrakenClient;

beforeEach(async () => {
  vi.useFakeTimers();
  room = new FakeRoom();
  browser = stubBrowser();
  ann = await join('ann');
  bob = await join('bob');
  bob.on((event) => {
    if (event.type === 'call-incoming') event.accept({ audio: false }).catch(() => undefined);
  });
});

afterEach(async () => {
  ann.disconnect();
  bob.disconnect();
  await settle();
  expect(browser.tracks.filter(({ readyState }) => readyState === 'live')).toEqual([]);
  vi.useRealTimers();
});

async function join(peerId: string): Promise<KrakenClient> {
  const { WebSocket } = room;
  const client = new KrakenClient({ url: 'wss://kraken.test', room: 'room', peerId, WebSocket });
  void client.connect();
  await settle();
  return client;
}

async function called(): Promise<void> {
  const call = ann.call('bob', { video: { width: 640 } });
  await settle();
  await call;
}

const sent = () => FakePeerConnection.all[0]?.senders.map(({ track }) => track);

test('another camera takes the place of the first, without a new offer', async () => {
  await called();
  const [, microphone] = sent() ?? [];
  const before = ann.localStream;
  const offers = room.sentBy('ann', SignalType.Offer).length;
  await ann.setDevices({ videoInput: 'back' });
  expect(browser.getUserMedia.mock.lastCall).toEqual([
    { video: { width: 640, deviceId: { exact: 'back' } } },
  ]);
  const camera = ann.localStream?.getVideoTracks()[0];
  expect(sent()).toEqual(expect.arrayContaining([camera, microphone]));
  expect(ann.localStream).not.toBe(before);
  expect(ann.localStream?.getTracks()).toHaveLength(2);
  expect(before?.getVideoTracks()[0]?.readyState).toBe('ended');
  await settle();
  expect(room.sentBy('ann', SignalType.Offer)).toHaveLength(offers);
});

test('a device that is chosen before a call is the one it opens', async () => {
  await ann.setDevices({ audioInput: 'headset', videoInput: 'back' });
  expect(browser.getUserMedia).not.toHaveBeenCalled();
  await called();
  expect(browser.getUserMedia.mock.calls[0]).toEqual([
    {
      video: { width: 640, deviceId: { exact: 'back' } },
      audio: { deviceId: { exact: 'headset' } },
    },
  ]);
});

test('what is muted stays so', async () => {
  await called();
  ann.mute('audio');
  await ann.setDevices({ audioInput: 'headset' });
  const microphone = ann.localStream?.getTracks().find(({ kind }) => kind === 'audio');
  expect(microphone?.enabled).toBe(false);
});

test('while a screen is shown, the camera changes behind it', async () => {
  await called();
  await ann.shareScreen();
  const before = sent();
  await ann.setDevices({ videoInput: 'back' });
  expect(sent()).toEqual(before);
  await ann.stopSharing();
  expect(sent()).toContain(ann.localStream?.getVideoTracks()[0]);
});

test('a device that is not there changes nothing', async () => {
  await called();
  const before = ann.localStream;
  browser.getUserMedia.mockRejectedValueOnce(new Error('unplugged'));
  await expect(ann.setDevices({ videoInput: 'gone' })).rejects.toMatchObject({
    code: 'media',
    message: 'no such video: unplugged',
  });
  expect(ann.localStream).toBe(before);
  ann.hangup();
  await settle();
  browser.getUserMedia.mockClear();
  await called();
  expect(browser.getUserMedia.mock.calls[0]).toEqual([{ video: { width: 640 }, audio: true }]);
});

test('on a phone the one camera is closed before the other is opened', async () => {
  await called();
  const front = ann.localStream?.getVideoTracks()[0];
  const busy = Object.assign(new Error('busy'), { name: 'NotReadableError' });
  browser.getUserMedia.mockRejectedValueOnce(busy);
  await ann.setDevices({ videoInput: 'back' });
  expect(front?.readyState).toBe('ended');
  expect(sent()).toContain(ann.localStream?.getVideoTracks()[0]);
});

test('a device that opens when the call is over is closed again', async () => {
  await called();
  const opening = browser.getUserMedia.getMockImplementation();
  let open: (stream: FakeStream) => void = () => undefined;
  browser.getUserMedia.mockReturnValueOnce(new Promise((resolve) => (open = resolve)));
  const chosen = ann.setDevices({ videoInput: 'back' });
  await settle();
  ann.hangup();
  open(await (opening?.({ video: true }) ?? browser.open({ video: true })));
  await chosen;
  expect(ann.localStream).toBeNull();
});
