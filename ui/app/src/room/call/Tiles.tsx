import { Maximize2, MicOff, RotateCw } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { person } from '../../person.ts';
import { useStored } from '../../stored.ts';
import { Button, IconButton } from '../../ui/Button.tsx';
import { Avatar } from '../Avatar.tsx';
import type { Huddle, HuddleState } from './Huddle.ts';

export function Tiles({ huddle, state }: { huddle: Huddle; state: HuddleState }) {
  const me = useStored(person);
  const { participants, localStream, audio, video } = state;
  return (
    <>
      <ul className={`tiles tiles-${participants.length > 0 ? 'many' : 'one'}`}>
        {participants.map(({ peerId, name, color, stream, link, ...shown }) => (
          <Tile
            key={peerId}
            name={name}
            color={color}
            stream={stream}
            hasPicture={(shown.video || shown.screen) && stream !== null}
            isWhole={shown.screen}
            isSilent={!shown.audio}
            note={link === 'connecting' ? 'Connecting…' : null}
            onRetry={
              link === 'failed'
                ? () => {
                    huddle.tryAgain(peerId);
                  }
                : null
            }
          />
        ))}
        <Tile
          name={`${me.name} (you)`}
          color={me.color}
          stream={localStream}
          hasPicture={video && localStream !== null}
          isOwn
          isSilent={!audio}
          note={null}
          onRetry={null}
        />
      </ul>
      {participants.length === 0 && (
        <p className="soft small" role="status">
          You’re the first one here. Others see in the room that there is a call.
        </p>
      )}
    </>
  );
}

interface TileProps {
  name: string;
  color: string;
  stream: MediaStream | null;
  hasPicture: boolean;
  /** A screen is shown whole; of a camera's picture the edges may go. */
  isWhole?: boolean;
  isOwn?: boolean;
  isSilent: boolean;
  note: string | null;
  onRetry: (() => void) | null;
}

function Tile(props: TileProps) {
  const { name, color, stream, hasPicture, isWhole = false, isOwn = false, isSilent } = props;
  const { note, onRetry } = props;
  const fit = `${isWhole ? 'is-whole' : ''} ${isOwn ? 'is-own' : ''}`;
  const tile = useRef<HTMLLIElement>(null);
  return (
    <li className="tile" aria-label={name} ref={tile}>
      {/* It also plays what is heard, so it is there without a picture, too. */}
      {stream !== null && (
        <Video stream={stream} isMuted={isOwn} className={hasPicture ? fit : 'is-unseen'} />
      )}
      {!hasPicture && <Avatar name={name} color={color} size="large" />}
      {onRetry !== null && (
        <Button icon={RotateCw} onClick={onRetry}>
          Connect again
        </Button>
      )}
      {hasPicture && !isOwn && document.fullscreenEnabled && (
        <IconButton
          icon={Maximize2}
          label={`Show ${name} on the whole screen`}
          className="tile-whole"
          onClick={() => {
            toggleFullscreen(tile.current);
          }}
        />
      )}
      <span className="tile-name">
        {isSilent && <MicOff size={13} aria-label="muted" />}
        {name}
        {note !== null && <span role="status"> · {note}</span>}
      </span>
    </li>
  );
}

function toggleFullscreen(element: Element | null): void {
  const change =
    document.fullscreenElement === null ? element?.requestFullscreen() : document.exitFullscreen();
  // A browser that doesn't want to leaves everything as it is.
  change?.catch(() => undefined);
}

interface VideoProps {
  stream: MediaStream;
  isMuted: boolean;
  className: string;
}

function Video({ stream, isMuted, className }: VideoProps) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (element.current !== null) element.current.srcObject = stream;
  }, [stream]);
  return (
    <video
      ref={element}
      className={className}
      autoPlay
      playsInline
      muted={isMuted}
      data-own={isMuted || undefined}
    />
  );
}
