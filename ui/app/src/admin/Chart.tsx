import { useState } from 'react';

interface Line {
  name: string;
  /** One for each time; null where there is none. */
  values: readonly (number | null)[];
}

interface ChartProps {
  title: string;
  /** Milliseconds since 1970. */
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
}

const WIDTH = 320;
const HEIGHT = 96;

/** How values went; what they are where the pointer is, and now elsewhere. */
export function Chart({ title, times, lines, format }: ChartProps) {
  const [pointed, setPointed] = useState<number | null>(null);
  const index = pointed !== null && pointed < times.length ? pointed : times.length - 1;
  const top = niceTop(Math.max(0, ...lines.flatMap(({ values }) => values.map((one) => one ?? 0))));
  const x = (at: number) => (times.length < 2 ? WIDTH : (at / (times.length - 1)) * WIDTH);
  const y = (value: number) => HEIGHT - (value / top) * (HEIGHT - 4);
  const shown = lines.map(({ name, values }) => {
    const value = values[index] ?? null;
    return { name, text: value === null ? '–' : format(value) };
  });
  return (
    <figure className="card chart">
      <figcaption className="spread">
        <h2>{title}</h2>
        <span className="chart-scale soft numeric">
          {pointed === null ? `up to ${format(top)}` : secondsAgo(times, index)}
        </span>
      </figcaption>
      <dl className="chart-values numeric">
        {shown.map(({ name, text }, line) => (
          <div key={name}>
            <dt>
              <i className={`chart-key line-${String(line)}`} />
              {name}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <svg
        viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${shown.map(({ name, text }) => `${name} ${text}`).join(', ')}`}
        onPointerMove={(event) => {
          const { left, width } = event.currentTarget.getBoundingClientRect();
          setPointed(Math.round(((event.clientX - left) / width) * (times.length - 1)));
        }}
        onPointerLeave={() => {
          setPointed(null);
        }}
      >
        <line className="chart-base" x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
        {lines.map(({ name, values }, line) => (
          <g key={name} className={`chart-line line-${String(line)}`}>
            {runs(values).map((run) => {
              const points = run.map(([at, value]) => `${String(x(at))} ${String(y(value))}`);
              const [first, last] = [run[0]?.[0] ?? 0, run.at(-1)?.[0] ?? 0];
              const area = `M${String(x(first))} ${String(HEIGHT)}L${points.join('L')}L${String(x(last))} ${String(HEIGHT)}Z`;
              return (
                <g key={first}>
                  <path className="chart-area" d={area} />
                  <path className="chart-stroke" d={`M${points.join('L')}`} />
                </g>
              );
            })}
          </g>
        ))}
        {pointed !== null && (
          <line className="chart-cursor" x1={x(index)} x2={x(index)} y1="0" y2={HEIGHT} />
        )}
      </svg>
    </figure>
  );
}

/** The stretches without a gap. */
function runs(values: readonly (number | null)[]): [number, number][][] {
  const all: [number, number][][] = [];
  let run: [number, number][] = [];
  values.forEach((value, at) => {
    if (value !== null) {
      if (run.length === 0) all.push(run);
      run.push([at, value]);
    } else if (run.length > 0) {
      run = [];
    }
  });
  return all;
}

/** The next 1, 2 or 5 with noughts. */
function niceTop(value: number): number {
  if (value <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * size).find((step) => step >= value) ?? value;
}

function secondsAgo(times: readonly number[], index: number): string {
  const seconds = Math.round(((times.at(-1) ?? 0) - (times[index] ?? 0)) / 1000);
  return seconds === 0 ? 'now' : `${String(seconds)} s ago`;
}
