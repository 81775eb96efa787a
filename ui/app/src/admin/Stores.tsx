import { Database, Trash2 } from 'lucide-react';
import { useCallback, useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import type { LiveStore } from '../api/types.ts';
import { ButtonLink, IconButton } from '../ui/Button.tsx';
import { Empty } from '../ui/Notice.tsx';
import { say } from '../ui/toast.tsx';
import { useLive } from '../ui/useLive.ts';
import { ConfirmDialog } from './ConfirmDialog.tsx';
import { Loaded, Page } from './Page.tsx';
import { useMessageRates } from './usage.ts';
import { UsageTable } from './UsageTable.tsx';

const EVERY_MS = 3_000;

const keyOf = ({ store }: LiveStore) => store;

export function Stores({ owner }: { owner: OwnerApi }) {
  const load = useCallback(() => owner.stores(), [owner]);
  const live = useLive(load, EVERY_MS);
  const rates = useMessageRates(live.value, keyOf);
  const [doomed, setDoomed] = useState<string | null>(null);
  return (
    <Page title="Stores" lead="Shareable data stores (SDS) that are in memory.">
      <Loaded live={live}>
        {(stores) =>
          stores.length === 0 ? (
            <Empty
              icon={Database}
              title="No store is open"
              action={
                <ButtonLink look="primary" href="#/admin/tokens">
                  Connect an SDS client
                </ButtonLink>
              }
            >
              A store comes into being when the first client connects to it. Set the SDS secret in
              the settings, then issue a token.
            </Empty>
          ) : (
            <UsageTable
              caption="Stores in memory"
              head="Store"
              items={[...stores]}
              rates={rates}
              keyOf={keyOf}
              name={({ store }) => <span className="cell-name">{store}</span>}
              action={({ store }) => (
                <IconButton
                  icon={Trash2}
                  label={`Delete ${store}`}
                  onClick={() => {
                    setDoomed(store);
                  }}
                />
              )}
            />
          )
        }
      </Loaded>
      <ConfirmDialog
        title={`Delete ${doomed ?? ''}?`}
        phrase={doomed ?? ''}
        action="Delete the store"
        open={doomed !== null}
        onClose={() => {
          setDoomed(null);
        }}
        onConfirm={async () => {
          if (doomed === null) return;
          await owner.deleteStore(doomed);
          say(`${doomed} is deleted.`);
          live.refresh();
        }}
      >
        Everything that the server keeps of this store is deleted for good, and its clients are
        disconnected.
      </ConfirmDialog>
    </Page>
  );
}
