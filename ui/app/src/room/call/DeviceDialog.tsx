import { useCallback } from 'react';
import { Dialog } from '../../ui/Dialog.tsx';
import { Select } from '../../ui/Field.tsx';
import { useLive } from '../../ui/useLive.ts';
import type { Huddle, HuddleState } from './Huddle.ts';

interface DeviceDialogProps {
  huddle: Huddle;
  state: HuddleState;
  open: boolean;
  onClose: () => void;
}

export function DeviceDialog({ huddle, state, open, onClose }: DeviceDialogProps) {
  return (
    <Dialog
      title="Microphone and camera"
      description="A change takes effect at once."
      open={open}
      onClose={onClose}
    >
      <Devices huddle={huddle} state={state} />
    </Dialog>
  );
}

function Devices({ huddle, state }: { huddle: Huddle; state: HuddleState }) {
  const list = useCallback(() => navigator.mediaDevices.enumerateDevices(), []);
  const { value } = useLive(list, null);
  const { localStream, video } = state;
  const used = (kind: string) =>
    localStream
      ?.getTracks()
      .find((track) => track.kind === kind)
      ?.getSettings().deviceId ?? '';
  return (
    <div className="stack">
      <Select
        label="Microphone"
        value={used('audio')}
        options={optionsOf(value ?? [], 'audioinput', 'Microphone')}
        onChange={(audioInput) => void huddle.use({ audioInput })}
      />
      <Select
        label="Camera"
        value={used('video')}
        options={optionsOf(value ?? [], 'videoinput', 'Camera')}
        help={video ? undefined : 'Your camera is off.'}
        onChange={(videoInput) => void huddle.use({ videoInput })}
      />
    </div>
  );
}

function optionsOf(
  devices: readonly MediaDeviceInfo[],
  kind: MediaDeviceKind,
  name: string,
): (readonly [string, string])[] {
  const found = devices.filter((device) => device.kind === kind && device.deviceId !== '');
  const options = found.map(
    ({ deviceId, label }, index) => [deviceId, label || `${name} ${String(index + 1)}`] as const,
  );
  return options.length > 0 ? options : [['', `No ${name.toLowerCase()} found`] as const];
}
