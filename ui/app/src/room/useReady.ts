import type { KrakenProvider } from '@kraken/client/yjs';
import { useEffect, useState } from 'react';

/** Whether there is something to show: what the server has, or what this device has kept of it. */
export function useReady(provider: KrakenProvider | null, synced: boolean): boolean {
  const [isReady, setIsReady] = useState(false);
  useEffect(() => {
    if (synced) setIsReady(true);
  }, [synced]);
  useEffect(() => {
    let isOver = false;
    void provider?.loaded.then(() => {
      if (!isOver && provider.doc.store.clients.size > 0) setIsReady(true);
    });
    return () => {
      isOver = true;
    };
  }, [provider]);
  return isReady;
}
