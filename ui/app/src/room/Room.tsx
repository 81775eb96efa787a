import { Loading } from '../App.tsx';
import { ErrorNotice } from '../ui/Notice.tsx';
import { useTitle } from '../ui/useTitle.ts';
import { titleOf } from '../rooms.ts';
import { LockedRoom } from './LockedRoom.tsx';
import { OpenRoom } from './OpenRoom.tsx';
import { RoomMessage } from './RoomMessage.tsx';
import './room.css';
import { useRoomKey } from './useRoomKey.ts';

export default function Room({ room, token }: { room: string; token: string | null }) {
  const key = useRoomKey(room, token);
  useTitle(titleOf(room));
  switch (key.state) {
    case 'waiting':
      return <Loading />;
    case 'found':
      // Another token is another visit: what the last one left to be sent, this device has kept.
      return <OpenRoom key={key.token} room={room} token={key.token} />;
    case 'missing':
      return <LockedRoom room={room} />;
    case 'failed':
      return (
        <RoomMessage title="This room can’t be opened">
          <ErrorNotice error={key.error} />
        </RoomMessage>
      );
  }
}
