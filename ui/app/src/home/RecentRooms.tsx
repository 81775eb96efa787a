import { DoorOpen, X } from 'lucide-react';
import { useState } from 'react';
import { forgetRoom, recentRooms } from '../rooms.ts';
import type { RecentRoom } from '../rooms.ts';
import { formatRoute } from '../route.ts';
import { useStored } from '../stored.ts';
import { readToken } from '../token.ts';
import { IconButton } from '../ui/Button.tsx';
import { formatAge } from '../ui/format.ts';
import { Empty } from '../ui/Notice.tsx';

export function RecentRooms() {
  const rooms = useStored(recentRooms);
  const [now] = useState(() => Date.now());
  return (
    <section className="recent" aria-labelledby="recent">
      <h2 id="recent">Your rooms</h2>
      {rooms.length === 0 ? (
        <Empty icon={DoorOpen} title="No rooms yet">
          Start one above and send its address to somebody. Rooms that you have been to wait for you
          here.
        </Empty>
      ) : (
        <ul className="room-cards">
          {rooms.map((room) => (
            <RoomCard key={room.room} room={room} now={now} />
          ))}
        </ul>
      )}
    </section>
  );
}

function RoomCard({
  room: { room, title, token, visitedAt },
  now,
}: {
  room: RecentRoom;
  now: number;
}) {
  const claims = token === null ? null : readToken(token);
  const expiresAt = claims?.expiresAt ?? null;
  return (
    <li className="card room-card">
      <a href={formatRoute({ page: 'room', room, token })}>{title}</a>
      <p className="soft small">
        {formatAge(visitedAt, now)}
        {claims?.canWrite === false && ' · read only'}
        {expiresAt !== null && expiresAt <= now && ' · link expired'}
      </p>
      <IconButton
        icon={X}
        label={`Forget ${title}`}
        onClick={() => {
          forgetRoom(room);
        }}
      />
    </li>
  );
}
