import { useState } from 'react';
import type { OwnerApi } from '../api/client.ts';
import type { App } from '../api/types.ts';
import { go } from '../route.ts';
import { Button } from '../ui/Button.tsx';
import { say } from '../ui/toast.tsx';
import { ConfirmDialog } from './ConfirmDialog.tsx';
import { Card } from './Page.tsx';

export function DeleteApp({ owner, app: { app_id, name } }: { owner: OwnerApi; app: App }) {
  const [isAsking, setIsAsking] = useState(false);
  return (
    <Card
      title="Delete the app"
      lead="Its connections are closed, and all of its documents are deleted for good."
      actions={
        <Button
          look="danger"
          onClick={() => {
            setIsAsking(true);
          }}
        >
          Delete {name}
        </Button>
      }
    >
      <ConfirmDialog
        title={`Delete ${name}?`}
        phrase={app_id}
        action="Delete the app and its documents"
        open={isAsking}
        onClose={() => {
          setIsAsking(false);
        }}
        onConfirm={async () => {
          await owner.deleteApp(app_id);
          say(`${name} is deleted.`);
          go({ page: 'admin', section: 'apps' });
        }}
      >
        All documents of this app are deleted. Nobody can bring them back.
      </ConfirmDialog>
    </Card>
  );
}
