import { KeyForm } from '../KeyForm.tsx';
import { useOwner } from '../owner.ts';
import { ROOMS_APP, forgetRoom } from '../rooms.ts';
import { go } from '../route.ts';
import { Button, ButtonLink } from '../ui/Button.tsx';
import { ErrorNotice } from '../ui/Notice.tsx';
import { useTask } from '../ui/useTask.ts';
import { adviseOn } from './refusal.ts';
import { RoomMessage } from './RoomMessage.tsx';

interface RefusedRoomProps {
  room: string;
  code: number;
  reason: string;
  onRetry: () => void;
}

export function RefusedRoom({ room, code, reason, onRetry }: RefusedRoomProps) {
  const owner = useOwner();
  const { title, advice, remedy } = adviseOn(code, reason);
  const register = useTask(async () => {
    if (owner === null) return;
    const { allowed_origins } = await owner.app(ROOMS_APP);
    await owner.changeApp(ROOMS_APP, { allowed_origins: [...allowed_origins, location.origin] });
    onRetry();
  });

  /** Without the token that was refused, the room looks for another. */
  const startOver = () => {
    forgetRoom(room);
    go({ page: 'room', room, token: null }, 'replace');
  };

  return (
    <RoomMessage title={title}>
      <p className="soft">{advice}</p>
      {register.error !== null && <ErrorNotice error={register.error} />}
      {remedy === 'new-key' && owner === null && <KeyForm onAccepted={startOver} />}
      <div className="row row-end">
        <ButtonLink look="quiet" href="#/">
          Go home
        </ButtonLink>
        {remedy === 'new-key' && owner !== null && (
          <Button look="primary" onClick={startOver}>
            Open it as the owner
          </Button>
        )}
        {remedy === 'try-again' && (
          <Button look="primary" onClick={onRetry}>
            Try again
          </Button>
        )}
        {remedy === 'log-in' && (
          <ButtonLink look="primary" href="/login">
            Log in
          </ButtonLink>
        )}
        {remedy === 'register-origin' && owner !== null && (
          <Button look="primary" busy={register.isRunning} onClick={() => void register.run()}>
            Let pages of this address in
          </Button>
        )}
      </div>
    </RoomMessage>
  );
}
