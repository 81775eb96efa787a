import { Menu } from '@base-ui/react/menu';
import { EllipsisVertical, MicOff, MonitorX, UserX, VideoOff } from 'lucide-react';
import type { LucideIcon } from 'lucide-react';
import type { Huddle } from './Huddle.ts';
import type { Participant } from './participants.ts';

/** What an admin may do about somebody. */
export default function TileMenu({ huddle, who }: { huddle: Huddle; who: Participant }) {
  const { peerId, name, tracks } = who;
  const silence = (track: string | undefined) =>
    track === undefined
      ? null
      : () => {
          huddle.silence(track);
        };
  return (
    <Menu.Root>
      <Menu.Trigger
        className="button button-quiet button-icon tile-menu"
        aria-label={`Moderate ${name}`}
        data-hint={`Moderate ${name}`}
      >
        <EllipsisVertical size={18} aria-hidden />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="menu-place" sideOffset={4} align="end">
          <Menu.Popup className="menu" aria-label={name}>
            <Item
              icon={MicOff}
              label="Mute"
              onClick={who.audio ? silence(tracks.microphone) : null}
            />
            <Item
              icon={VideoOff}
              label="Turn the camera off"
              onClick={who.video ? silence(tracks.camera) : null}
            />
            <Item icon={MonitorX} label="Hide the screen" onClick={silence(tracks.screen)} />
            <Item
              icon={UserX}
              label="Remove from the call"
              onClick={() => {
                huddle.remove(peerId);
              }}
            />
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

interface ItemProps {
  icon: LucideIcon;
  label: string;
  /** Null if there is nothing to do it to. */
  onClick: (() => void) | null;
}

function Item({ icon: Icon, label, onClick }: ItemProps) {
  if (onClick === null) return null;
  return (
    <Menu.Item className="menu-item" onClick={onClick}>
      <Icon size={16} aria-hidden />
      {label}
    </Menu.Item>
  );
}
