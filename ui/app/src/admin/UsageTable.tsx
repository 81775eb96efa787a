import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import type { Usage } from '../api/types.ts';
import { TextField } from '../ui/Field.tsx';
import { formatAge, formatBytes, formatNumber } from '../ui/format.ts';

interface UsageTableProps<T extends Usage> {
  caption: string;
  /** What the first column holds. */
  head: string;
  items: readonly T[];
  rates: ReadonlyMap<string, number>;
  keyOf: (item: T) => string;
  name: (item: T) => ReactNode;
  action?: (item: T) => ReactNode;
}

const MOST_SHOWN = 200;

/** The busiest first. On phones each row is a small card. */
export function UsageTable<T extends Usage>(props: UsageTableProps<T>) {
  const { caption, head, items, rates, keyOf, name, action } = props;
  const [filter, setFilter] = useState('');
  const now = useNow();
  const wanted = items.filter((item) => keyOf(item).toLowerCase().includes(filter.toLowerCase()));
  const sorted = wanted.sort(
    (a, b) => b.connections - a.connections || (b.bytes ?? 0) - (a.bytes ?? 0),
  );
  return (
    <div className="card stack usage">
      <TextField
        label={`Find a ${head.toLowerCase()}`}
        type="search"
        value={filter}
        onChange={(event) => {
          setFilter(event.target.value);
        }}
      />
      <table className="table">
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{head}</th>
            <th scope="col">Connections</th>
            <th scope="col">Size</th>
            <th scope="col">Messages</th>
            <th scope="col">Last change</th>
            {action && (
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, MOST_SHOWN).map((item) => (
            <tr key={keyOf(item)}>
              <th scope="row">{name(item)}</th>
              <td data-label="Connections">{formatNumber(item.connections)}</td>
              <td data-label="Size">{item.bytes === null ? '–' : formatBytes(item.bytes)}</td>
              <td data-label="Messages">{formatNumber(rates.get(keyOf(item)) ?? 0)}/s</td>
              <td data-label="Last change">
                {item.last_change === null ? '–' : formatAge(item.last_change, now)}
              </td>
              {action && <td>{action(item)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length === 0 && <p className="soft">None of that name.</p>}
      {sorted.length > MOST_SHOWN && (
        <p className="soft small">
          The {MOST_SHOWN} busiest of {formatNumber(sorted.length)} are shown. Type a part of a name
          to find others.
        </p>
      )}
    </div>
  );
}

const TICK_MS = 1_000;

function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, TICK_MS);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return now;
}
