import { useCallback } from 'react';
import type { OwnerApi } from '../api/client.ts';
import { levels, means, rates } from '../api/metrics.ts';
import type { Sample } from '../api/metrics.ts';
import type { Health } from '../api/types.ts';
import { formatBytes, formatNumber } from '../ui/format.ts';
import { ErrorNotice } from '../ui/Notice.tsx';
import { useLive } from '../ui/useLive.ts';
import { Chart } from './Chart.tsx';
import { Loaded, Page } from './Page.tsx';
import { useMetrics } from './useMetrics.ts';

const EVERY_MS = 2_000;

export function Overview({ owner }: { owner: OwnerApi }) {
  const load = useCallback(() => owner.health(), [owner]);
  const health = useLive(load, EVERY_MS);
  const metrics = useMetrics(owner, EVERY_MS);
  return (
    <Page title="Overview" lead="How this server is, right now.">
      <Loaded live={health}>{(value) => <HealthTiles health={value} />}</Loaded>
      {metrics.error !== null && health.error === null && <ErrorNotice error={metrics.error} />}
      <Charts samples={metrics.samples} />
    </Page>
  );
}

type Tone = 'good' | 'warn' | 'bad' | 'plain';

function HealthTiles({ health }: { health: Health }) {
  const { status, storage, link, engine, connections, rooms, version } = health;
  const tiles: { name: string; value: string; tone: Tone; help: string }[] = [
    {
      name: 'Server',
      value: status,
      tone: status === 'ok' ? 'good' : 'bad',
      help: `Version ${version}`,
    },
    {
      name: 'Storage',
      value: storage,
      tone: storage === 'ok' ? 'good' : 'bad',
      help: storage === 'ok' ? 'Edits reach the disk' : 'Look at the log and the disk',
    },
    {
      name: 'Gateway link',
      value: link,
      tone: link === 'up' ? 'good' : 'warn',
      help: link === 'up' ? 'Clients can connect' : 'Start kraken sidecar to let clients in',
    },
    {
      name: 'Call engine',
      value: engine,
      tone: engine === 'up' || engine === 'ok' ? 'good' : 'plain',
      help: engine === 'off' ? 'Calls go from browser to browser' : 'Group calls go through it',
    },
  ];
  return (
    <>
      <dl className="tiles-row">
        {tiles.map(({ name, value, tone, help }) => (
          <div key={name} className="card stat">
            <dt>{name}</dt>
            <dd className="stat-value">
              <span className={`dot dot-${tone}`} />
              {value}
            </dd>
            <dd className="soft small">{help}</dd>
          </div>
        ))}
        <div className="card stat">
          <dt>Connections</dt>
          <dd className="stat-value numeric">{formatNumber(connections)}</dd>
          <dd className="soft small">in documents, open now</dd>
        </div>
        <div className="card stat">
          <dt>Rooms</dt>
          <dd className="stat-value numeric">{formatNumber(rooms)}</dd>
          <dd className="soft small">in memory</dd>
        </div>
      </dl>
    </>
  );
}

const perSecond = (value: number) => `${formatNumber(value)}/s`;
const bytesPerSecond = (value: number) => `${formatBytes(value)}/s`;
const milliseconds = (value: number) => `${formatNumber(value * 1000)} ms`;

function Charts({ samples }: { samples: readonly Sample[] }) {
  const times = samples.map(({ at }) => at);
  const rate = (name: string) => rates(samples, name);
  // At a node there is no gateway that counts, and the process only counts what comes in.
  const hasGateway = samples.some(({ values }) => values.has('kraken_gateway_connections'));
  const counter = hasGateway ? 'kraken_gateway_message' : 'kraken_message';
  const suffix = hasGateway ? '_received_total' : '_total';
  return (
    <div className="charts">
      <Chart
        title="Connections"
        times={times}
        format={formatNumber}
        lines={[{ name: 'Open', values: levels(samples, 'kraken_connections') }]}
      />
      <Chart
        title="Messages"
        times={times}
        format={perSecond}
        lines={[
          { name: 'Received', values: rate(`${counter}s${suffix}`) },
          ...(hasGateway
            ? [{ name: 'Sent', values: rate('kraken_gateway_messages_sent_total') }]
            : []),
        ]}
      />
      <Chart
        title="Traffic"
        times={times}
        format={bytesPerSecond}
        lines={[
          { name: 'Received', values: rate(`${counter}_bytes${suffix}`) },
          ...(hasGateway
            ? [{ name: 'Sent', values: rate('kraken_gateway_message_bytes_sent_total') }]
            : []),
        ]}
      />
      <Chart
        title="Time to write to disk"
        times={times}
        format={milliseconds}
        lines={[{ name: 'Mean', values: means(samples, 'kraken_storage_seconds') }]}
      />
      <Chart
        title="Refused connections"
        times={times}
        format={perSecond}
        lines={[{ name: 'Refused', values: rate('kraken_refused_total') }]}
      />
      <Chart
        title="Waiting for the disk"
        times={times}
        format={formatBytes}
        lines={[{ name: 'Bytes', values: levels(samples, 'kraken_unstored_bytes') }]}
      />
    </div>
  );
}
