import { RotateCw } from 'lucide-react';
import { Loading } from '../App.tsx';
import { Button, ButtonLink } from '../ui/Button.tsx';
import { RoomMessage } from './RoomMessage.tsx';
import { explainClose } from './useLastClose.ts';
import type { LastClose } from './useLastClose.ts';

interface WaitingRoomProps {
  lastClose: LastClose | null;
  onRetry: () => void;
}

/** Before anything of the room is here. */
export function WaitingRoom({ lastClose, onRetry }: WaitingRoomProps) {
  if (lastClose === null) return <Loading />;
  const full = explainClose(lastClose);
  return (
    <RoomMessage title={full === null ? 'Kraken doesn’t answer' : 'Not yet'}>
      <p className="soft" role="status">
        {full ??
          'Check that you are online and that the server is running. Nothing is lost: the room is on the server.'}{' '}
        This page keeps trying.
      </p>
      <div className="row row-end">
        <ButtonLink look="quiet" href="#/">
          Go home
        </ButtonLink>
        <Button look="primary" icon={RotateCw} onClick={onRetry}>
          Try now
        </Button>
      </div>
    </RoomMessage>
  );
}
