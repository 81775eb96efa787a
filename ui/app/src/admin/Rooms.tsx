import { DoorOpen } from 'lucide-react';
import { useCallback } from 'react';
import type { OwnerApi } from '../api/client.ts';
import type { LiveRoom } from '../api/types.ts';
import { ROOMS_APP } from '../rooms.ts';
import { formatRoute } from '../route.ts';
import { ButtonLink } from '../ui/Button.tsx';
import { Empty } from '../ui/Notice.tsx';
import { useLive } from '../ui/useLive.ts';
import { Loaded, Page } from './Page.tsx';
import { useMessageRates } from './usage.ts';
import { UsageTable } from './UsageTable.tsx';

const EVERY_MS = 3_000;

const keyOf = ({ app, room }: LiveRoom) => `${app}:${room}`;

export function Rooms({ owner }: { owner: OwnerApi }) {
  const load = useCallback(() => owner.rooms(), [owner]);
  const live = useLive(load, EVERY_MS);
  const rates = useMessageRates(live.value, keyOf);
  return (
    <Page title="Rooms" lead="The documents that are in memory, of all apps.">
      <Loaded live={live}>
        {(rooms) =>
          rooms.length === 0 ? (
            <Empty
              icon={DoorOpen}
              title="Nobody is in a room right now"
              action={
                <ButtonLink look="primary" href="#/">
                  Start a room
                </ButtonLink>
              }
            >
              Rooms are listed while somebody is in them, and for a little while after. What is on
              disk stays there.
            </Empty>
          ) : (
            <UsageTable
              caption="Rooms in memory"
              head="Room"
              items={[...rooms]}
              rates={rates}
              keyOf={keyOf}
              name={({ app, room }) => <RoomName app={app} room={room} />}
            />
          )
        }
      </Loaded>
    </Page>
  );
}

/** Rooms of these pages can be entered. */
function RoomName({ app, room }: { app: string; room: string }) {
  return (
    <span className="cell-name">
      {app === ROOMS_APP ? (
        <a href={formatRoute({ page: 'room', room, token: null })}>{room}</a>
      ) : (
        room
      )}
      <a className="chip" href={formatRoute({ page: 'admin', section: 'app', appId: app })}>
        {app}
      </a>
    </span>
  );
}
