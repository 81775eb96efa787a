import { useCallback, useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import { Button } from '../ui/Button.tsx';
import { CopyField } from '../ui/Copy.tsx';
import { say } from '../ui/toast.tsx';
import { useLive } from '../ui/useLive.ts';
import { ConfirmDialog } from './ConfirmDialog.tsx';
import { Card, Loaded } from './Page.tsx';

const EVERY_MS = 5_000;

export function LinkCard({ owner }: { owner: OwnerApi }) {
  const load = useCallback(() => owner.link(), [owner]);
  const live = useLive(load, EVERY_MS);
  const [isShown, setIsShown] = useState(false);
  const [isAsking, setIsAsking] = useState(false);
  return (
    <Card title="Gateway link" lead="What kraken sidecar shows, so that it is let in.">
      <Loaded live={live}>
        {({ key, connected }) => (
          <>
            <div className="spread">
              <span className={`chip ${connected ? 'chip-good' : 'chip-warn'}`}>
                {connected ? 'A gateway is connected' : 'No gateway is connected'}
              </span>
              <div className="row">
                <Button
                  aria-expanded={isShown}
                  onClick={() => {
                    setIsShown(!isShown);
                  }}
                >
                  {isShown ? 'Hide the key' : 'Show the key'}
                </Button>
                <Button
                  look="danger"
                  onClick={() => {
                    setIsAsking(true);
                  }}
                >
                  Make a new key
                </Button>
              </div>
            </div>
            {isShown && <CopyField label="Link key" action="Copy key" text={key} />}
          </>
        )}
      </Loaded>
      <ConfirmDialog
        title="Make a new link key?"
        action="Make a new key"
        open={isAsking}
        onClose={() => {
          setIsAsking(false);
        }}
        onConfirm={async () => {
          await owner.renewLink();
          say('The link has a new key.');
          live.refresh();
        }}
      >
        The gateway that is connected is cut off, and its clients with it. One that reads the key
        from its file comes back by itself, and so do they.
      </ConfirmDialog>
    </Card>
  );
}
