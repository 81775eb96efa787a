import type { ProviderStatus, SaveState } from '@kraken/client/yjs';
import { Check, CloudOff, Eye, LoaderCircle } from 'lucide-react';
import type { LucideIcon } from 'lucide-react';
import { useEffect, useState } from 'react';
import { explainClose } from './useLastClose.ts';
import type { LastClose } from './useLastClose.ts';

interface StatusMarkProps {
  status: ProviderStatus;
  saved: SaveState;
  canWrite: boolean;
  lastClose: LastClose | null;
  onRetry: () => void;
}

interface Mark {
  text: string;
  detail: string;
  tone: 'good' | 'warn' | 'busy' | 'plain';
  icon: LucideIcon;
}

/** A state that passes at once isn't worth an eye's attention. */
const SETTLE_MS = 400;

export function StatusMark({ status, saved, canWrite, lastClose, onRetry }: StatusMarkProps) {
  const mark = useSettled(markOf(status, saved, canWrite, lastClose));
  const Icon = mark.icon;
  const isOffline = status.state === 'offline';
  const detail = isOffline ? `${mark.detail} Press to try now.` : mark.detail;
  return (
    <button
      type="button"
      className={`status-mark status-${mark.tone}`}
      data-hint={detail}
      onClick={isOffline ? onRetry : undefined}
    >
      <Icon size={15} aria-hidden />
      <span role="status">{mark.text}</span>
      <span className="visually-hidden">{detail}</span>
    </button>
  );
}

export function markOf(
  status: ProviderStatus,
  saved: SaveState,
  canWrite: boolean,
  lastClose: LastClose | null,
): Mark {
  if (status.state === 'offline') {
    const why = explainClose(lastClose) ?? 'There is no connection.';
    const detail = `${why} What you write is kept on this device, and sent once there is one.`;
    return { text: 'Offline', detail, tone: 'warn', icon: CloudOff };
  }
  if (status.state !== 'connected' || !status.synced) {
    const detail = 'Getting what the others have written.';
    return { text: 'Connecting…', detail, tone: 'busy', icon: LoaderCircle };
  }
  if (!canWrite) {
    const detail = 'Your link lets you read along, but not write.';
    return { text: 'Read only', detail, tone: 'plain', icon: Eye };
  }
  switch (saved) {
    case 'unsent':
    case 'saving':
      return { text: 'Saving…', detail: 'On its way.', tone: 'busy', icon: LoaderCircle };
    case 'saved':
      return { text: 'Saved', detail: 'It is on the server’s disk.', tone: 'good', icon: Check };
    case 'unknown':
    case 'sent':
    case 'rejected': {
      const detail = 'The server has everything, and writes it to its disk within a moment.';
      return { text: 'Up to date', detail, tone: 'good', icon: Check };
    }
  }
}

function useSettled(mark: Mark): Mark {
  const [settled, setSettled] = useState(mark);
  useEffect(() => {
    const timer = setTimeout(
      () => {
        setSettled(mark);
      },
      mark.tone === 'busy' ? SETTLE_MS : 0,
    );
    return () => {
      clearTimeout(timer);
    };
    // Marks with the same words are the same.
  }, [mark.text, mark.detail]);
  return settled;
}
