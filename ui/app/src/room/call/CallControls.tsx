import {
  Lock,
  LockOpen,
  Mic,
  MicOff,
  PhoneOff,
  Settings2,
  Video,
  VideoOff,
  MonitorUp,
  MonitorX,
} from 'lucide-react';
import { useState } from 'react';
import { IconButton } from '../../ui/Button.tsx';
import { DeviceDialog } from './DeviceDialog.tsx';
import type { Huddle, HuddleState } from './Huddle.ts';

export function CallControls({ huddle, state }: { huddle: Huddle; state: HuddleState }) {
  const { audio, video, screen, participants, group } = state;
  const [isChoosing, setIsChoosing] = useState(false);
  const isConnected = participants.some(({ link }) => link === 'connected');
  const maySend = group?.mayPublish !== false;
  const canShare = 'getDisplayMedia' in ((navigator as Partial<Navigator>).mediaDevices ?? {});
  return (
    <div className="call-controls" role="group" aria-label="Call">
      {maySend && (
        <>
          <IconButton
            icon={audio ? Mic : MicOff}
            label={audio ? 'Mute' : 'Unmute'}
            className={audio ? '' : 'is-off'}
            onClick={() => {
              huddle.setAudio(!audio);
            }}
          />
          <IconButton
            icon={video ? Video : VideoOff}
            label={video ? 'Turn the camera off' : 'Turn the camera on'}
            className={video ? '' : 'is-off'}
            onClick={() => {
              huddle.setVideo(!video);
            }}
          />
        </>
      )}
      {canShare && maySend && (
        <IconButton
          icon={screen ? MonitorX : MonitorUp}
          label={shareLabel(screen, isConnected)}
          disabled={!isConnected}
          onClick={() => void huddle.setScreen(!screen)}
        />
      )}
      {group?.mayModerate === true && (
        <IconButton
          icon={group.isLocked ? LockOpen : Lock}
          label={group.isLocked ? 'Unlock the call' : 'Lock the call: nobody else can join'}
          onClick={() => {
            huddle.lock(!group.isLocked);
          }}
        />
      )}
      <IconButton
        icon={Settings2}
        label="Choose devices"
        onClick={() => {
          setIsChoosing(true);
        }}
      />
      <IconButton
        icon={PhoneOff}
        label="Hang up"
        className="hang-up"
        onClick={() => {
          huddle.leave();
        }}
      />
      <DeviceDialog
        huddle={huddle}
        state={state}
        open={isChoosing}
        onClose={() => {
          setIsChoosing(false);
        }}
      />
    </div>
  );
}

function shareLabel(isSharing: boolean, isConnected: boolean): string {
  if (isSharing) return 'Stop sharing the screen';
  return isConnected ? 'Share the screen' : 'Share the screen, once somebody is here';
}
