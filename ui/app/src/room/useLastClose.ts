import type { KrakenProvider } from '@kraken/client/yjs';
import { useEffect, useState } from 'react';

/** How the server ended the connection, while there is none. */
export interface LastClose {
  code: number;
  reason: string;
}

export function useLastClose(provider: KrakenProvider | null): LastClose | null {
  const [close, setClose] = useState<LastClose | null>(null);
  useEffect(() => {
    if (provider === null) return;
    const closed = ({ code, reason }: LastClose) => {
      setClose({ code, reason });
    };
    const changed = () => {
      if (provider.synced) setClose(null);
    };
    provider.on('connection-close', closed);
    provider.on('change', changed);
    return () => {
      provider.off('connection-close', closed);
      provider.off('change', changed);
    };
  }, [provider]);
  return close;
}

const NO_CODE = 1006;
/** What a client says of itself, rather than a server of its reasons. */
const OWN_WORDS = /^(the server is silent|no ticket: |no token: |$)/;

/** What a close that passes says to people; null where there was no answer at all. */
export function explainClose(close: LastClose | null): string | null {
  if (close === null) return null;
  const { code, reason } = close;
  if (code === 1012) return 'The server is restarting.';
  // At a node there are no codes, so that its words stand alone.
  const isRefused = code === 1013 || (code === NO_CODE && !OWN_WORDS.test(reason));
  if (!isRefused) return null;
  const why = reason === '' ? 'it has as much open as it may' : reason;
  return `The server can’t take anybody in right now: ${why}.`;
}
