import { Plus } from 'lucide-react';
import { useState } from 'react';
import { guestToken, useOwner } from '../owner.ts';
import { mintRoomToken, newRoomName } from '../rooms.ts';
import { go } from '../route.ts';
import { useStored } from '../stored.ts';
import { Button } from '../ui/Button.tsx';
import { ErrorNotice } from '../ui/Notice.tsx';
import { useTask } from '../ui/useTask.ts';
import { KeyDialog } from './KeyDialog.tsx';

/** One click to a room of one's own, with an address that others can be sent. */
export function StartButton() {
  const owner = useOwner();
  const guest = useStored(guestToken);
  const [asksForKey, setAsksForKey] = useState(false);
  const start = useTask(async () => {
    const room = newRoomName();
    const token = owner === null ? null : (await mintRoomToken(owner, room)).token;
    go({ page: 'room', room, token });
  });
  const mayStart = owner !== null || guest !== null;

  return (
    <>
      <Button
        look="primary"
        icon={Plus}
        className="button-large start"
        busy={start.isRunning}
        onClick={() => {
          if (mayStart) void start.run();
          else setAsksForKey(true);
        }}
      >
        Start a room
      </Button>
      {start.error !== null && <ErrorNotice error={start.error} />}
      <KeyDialog
        open={asksForKey}
        onClose={() => {
          setAsksForKey(false);
        }}
      />
    </>
  );
}
