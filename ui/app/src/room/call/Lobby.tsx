import { Phone, Video } from 'lucide-react';
import { Avatar } from '../Avatar.tsx';
import { Button } from '../../ui/Button.tsx';
import type { Huddle, HuddleState } from './Huddle.ts';

/** Before one is in the call. */
export function Lobby({ huddle, state }: { huddle: Huddle; state: HuddleState }) {
  const { participants, phase } = state;
  const join = (video: boolean) => {
    void huddle.join({ audio: true, video });
  };
  const isJoining = phase === 'joining';
  return (
    <div className="lobby">
      {participants.length === 0 ? (
        <p className="soft small">Nobody is in the call. Whoever joins is heard by all who do.</p>
      ) : (
        <div className="lobby-people">
          <span className="lobby-faces">
            {participants.map(({ peerId, name, color }) => (
              <Avatar key={peerId} name={name} color={color} />
            ))}
          </span>
          <p className="small">{participants.map(({ name }) => name).join(', ')} in the call</p>
        </div>
      )}
      <div className="lobby-buttons">
        <Button
          look="primary"
          icon={Phone}
          busy={isJoining}
          onClick={() => {
            join(false);
          }}
        >
          Join call
        </Button>
        <Button
          icon={Video}
          busy={isJoining}
          onClick={() => {
            join(true);
          }}
        >
          With camera
        </Button>
      </div>
    </div>
  );
}
