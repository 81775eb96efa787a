import { useEffect } from 'react';

/** What tabs, histories and screen readers call the page. */
export function useTitle(title: string | null): void {
  useEffect(() => {
    document.title = title === null ? 'Kraken' : `${title} · Kraken`;
  }, [title]);
}
