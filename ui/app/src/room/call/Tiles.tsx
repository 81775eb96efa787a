import { Maximize2, MicOff, RotateCw, SignalLow, SignalMedium } from 'lucide-react';
import type { Quality } from '@kraken/client/call';
import { Suspense, useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { person } from '../../person.ts';
import { useStored } from '../../stored.ts';
import { Button, IconButton } from '../../ui/Button.tsx';
import { lazySoon } from '../../ui/lazySoon.ts';
import { Avatar } from '../Avatar.tsx';
import type { Huddle, HuddleState } from './Huddle.ts';
import type { Participant } from './participants.ts';
import { useTileWish } from './useTileWish.ts';

const TileMenu = lazySoon(() => import('./TileMenu.tsx'));

export function Tiles({ huddle, state }: { huddle: Huddle; state: HuddleState }) {
  const me = useStored(person);
  const { participants, localStream, audio, video, group } = state;
  return (
    <>
      <ul className={`tiles ${participants.length > 1 ? 'tiles-crowd' : ''}`}>
        {participants.map((who) => (
          <Others key={who.peerId} huddle={huddle} who={who} isAdmin={group?.mayModerate === true} />
        ))}
        <Tile
          huddle={huddle}
          name={`${me.name} (you)`}
          color={me.color}
          stream={localStream}
          hasPicture={video && localStream !== null}
          isOwn
          isSilent={!audio}
          quality={group?.quality}
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

/** Somebody else: a face, and a screen if they show one beside it. */
function Others({ huddle, who, isAdmin }: { huddle: Huddle; who: Participant; isAdmin: boolean }) {
  const { peerId, name, color, stream, screenStream, link, tracks } = who;
  return (
    <>
      {screenStream !== null && (
        <Tile
          huddle={huddle}
          track={tracks.screen}
          name={`${name}’s screen`}
          color={color}
          stream={screenStream}
          hasPicture
          isWhole
        />
      )}
      <Tile
        huddle={huddle}
        track={tracks.camera}
        name={name}
        color={color}
        stream={stream}
        hasPicture={(who.video || who.screen) && stream !== null}
        isWhole={who.screen}
        isSilent={!who.audio}
        isSpeaking={who.isSpeaking}
        quality={who.quality}
        note={link === 'connecting' ? 'Connecting…' : null}
        menu={isAdmin ? <TileMenu huddle={huddle} who={who} /> : null}
        onRetry={
          link === 'failed'
            ? () => {
                huddle.tryAgain(peerId);
              }
            : null
        }
      />
    </>
  );
}

interface TileProps {
  huddle: Huddle;
  /** What is sent as large as the tile is, if it comes through the engine. */
  track?: string | undefined;
  name: string;
  color: string;
  stream: MediaStream | null;
  hasPicture: boolean;
  /** A screen is shown whole; of a camera's picture the edges may go. */
  isWhole?: boolean;
  isOwn?: boolean;
  isSilent?: boolean;
  isSpeaking?: boolean;
  quality?: Quality | undefined;
  note?: string | null;
  menu?: ReactNode;
  onRetry?: (() => void) | null;
}

function Tile(props: TileProps) {
  const { name, color, stream, hasPicture, isWhole = false, isOwn = false } = props;
  const { isSilent = false, isSpeaking = false, note = null, onRetry = null } = props;
  const fit = `${isWhole ? 'is-whole' : ''} ${isOwn ? 'is-own' : ''}`;
  const tile = useRef<HTMLLIElement>(null);
  const [isPlaying, setPlaying] = useState(false);
  const isSeen = hasPicture && isPlaying;
  useTileWish(props.huddle, props.track, tile);
  return (
    <li className={`tile ${isSpeaking ? 'is-speaking' : ''}`} aria-label={name} ref={tile}>
      {stream !== null && (
        <Video
          stream={stream}
          isOwn={isOwn}
          className={isSeen ? fit : 'is-unseen'}
          onPlaying={setPlaying}
        />
      )}
      {!isSeen && <Avatar name={name} color={color} size="large" />}
      {onRetry !== null && (
        <Button icon={RotateCw} onClick={onRetry}>
          Connect again
        </Button>
      )}
      <div className="tile-tools">
        {isSeen && !isOwn && document.fullscreenEnabled && (
          <IconButton
            icon={Maximize2}
            label={`Show ${name} on the whole screen`}
            onClick={() => {
              toggleFullscreen(tile.current);
            }}
          />
        )}
        <Suspense fallback={null}>{props.menu}</Suspense>
      </div>
      <span className="tile-name">
        {isSilent && <MicOff size={13} aria-label="muted" />}
        <QualityMark quality={props.quality ?? 'unknown'} />
        {name}
        {isSpeaking && <span className="visually-hidden"> speaks</span>}
        {note !== null && <span role="status"> · {note}</span>}
      </span>
    </li>
  );
}

/** That all is well needs no mark. */
function QualityMark({ quality }: { quality: Quality }) {
  if (quality !== 'poor' && quality !== 'fair') return null;
  const Icon = quality === 'poor' ? SignalLow : SignalMedium;
  return <Icon size={15} className={`tile-${quality}`} aria-label={`${quality} connection`} />;
}

function toggleFullscreen(element: Element | null): void {
  const change =
    document.fullscreenElement === null ? element?.requestFullscreen() : document.exitFullscreen();
  // A browser that doesn't want to leaves everything as it is.
  change?.catch(() => undefined);
}

interface VideoProps {
  stream: MediaStream;
  isOwn: boolean;
  className: string;
  /** Hears whether there is a picture: the first may take a moment. */
  onPlaying: (isPlaying: boolean) => void;
}

/** What is heard plays elsewhere: tiles come and go. */
function Video({ stream, isOwn, className, onPlaying }: VideoProps) {
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
      muted
      data-own={isOwn || undefined}
      onLoadedData={() => {
        onPlaying(true);
      }}
      onEmptied={() => {
        onPlaying(false);
      }}
    />
  );
}
