import { KeyForm } from '../KeyForm.tsx';
import { RoomMessage } from './RoomMessage.tsx';

/** For whoever has a room's address, but nothing that opens it. */
export function LockedRoom({ room }: { room: string }) {
  return (
    <RoomMessage title="This room needs an invitation">
      <p className="soft">
        You know where <strong>{room}</strong> is, but this address has no key in it. Ask somebody
        who is in the room to press <strong>Invite</strong> and send you the link. If this is your
        server, or you were given a token, enter it here.
      </p>
      {/* The room opens by itself once there is something to open it with. */}
      <KeyForm onAccepted={() => undefined} />
    </RoomMessage>
  );
}
