// @ts-check
/** The report of a soak: a table, and charts. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as echarts from 'echarts';
import sharp from 'sharp';
import { SEED } from '../lib/seed.js';
import { percentile } from '../lib/percentile.js';

/** @typedef {import('./load.js').Outcome} Outcome */
/** @typedef {import('./samples.js').Sample} Sample */

/** @type {Array<{ file: string, title: string, unit: string, lines: Array<[name: string, of: (sample: Sample) => number]> }>} */
const CHARTS = [
  { file: 'memory', title: 'Memory of the server', unit: 'MiB', lines: [['resident', ({ memory }) => memory]] },
  { file: 'cpu', title: 'CPU of the server', unit: '% of a core', lines: [['CPU', ({ cpu }) => cpu]] },
  {
    file: 'latency',
    title: 'From one client to another',
    unit: 'ms',
    lines: [
      ['p50', ({ p50 }) => p50],
      ['p99', ({ p99 }) => p99],
    ],
  },
  {
    file: 'load',
    title: 'Load',
    unit: 'a second',
    lines: [
      ['edits', ({ edits }) => edits],
      ['patches', ({ patches }) => patches],
    ],
  },
];

const [WIDTH, HEIGHT] = [1_000, 360];

/**
 * @param {string} folder
 * @param {Outcome[]} outcomes
 * @returns {Promise<string>} the file
 */
export async function report(folder, outcomes) {
  await mkdir(folder, { recursive: true });
  const sections = [];
  for (const [index, outcome] of outcomes.entries()) sections.push(await section(folder, index, outcome));
  const file = join(folder, 'report.md');
  await writeFile(file, `# Soak\n\nSeed ${SEED}.\n\n${sections.join('\n')}`);
  return file;
}

/**
 * @param {string} folder
 * @param {number} index
 * @param {Outcome} outcome
 */
async function section(folder, index, { mode, counts, clock, samples }) {
  const { before, after } = samples.memory;
  const p99 = (/** @type {Sample[]} */ some) => `${percentile(some.map((sample) => sample.p99), 0.5).toFixed(1)} ms`;
  const rows = [
    ['outcome', clock.failure === null ? (samples.isFlat ? 'all replicas equal, memory flat' : 'MEMORY GROWS') : `FAILED: ${clock.failure.message}`],
    ['minutes', ((samples.all.at(-1)?.at ?? 0) / 60).toFixed(1)],
    ['edits in documents', counts.edits],
    ['joins', counts.joins],
    ['rooms in which all became equal', counts.rooms],
    ['rooms that were as they had been left', counts.revisits],
    ['patches in stores', counts.patches],
    ['stores in which all got everything', counts.stores],
    ['signals', counts.signals],
    ['restarts', tally(clock.restarts.map(({ what }) => what))],
    ['p99 of a second, median, with restarts', p99(samples.all.filter(({ isCalm }) => !isCalm))],
    ['p99 of a second, median, without', p99(samples.calm)],
    ['memory without restarts, first third and last', `${before.toFixed(0)} MiB, ${after.toFixed(0)} MiB`],
  ];
  const images = [];
  for (const chart of CHARTS) {
    const name = `${chart.file}-${index}.png`;
    await writeFile(join(folder, name), await drawn(chart, samples.all, clock.restarts));
    images.push(`![${chart.title}](${name})`);
  }
  return `## ${mode}\n\n| | |\n|---|---|\n${rows.map(([what, value]) => `| ${what} | ${value} |\n`).join('')}\n${images.join('\n\n')}\n`;
}

/**
 * How often each is there.
 *
 * @param {string[]} names
 */
function tally(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} x ${name}`).join(', ');
}

/**
 * A chart as PNG, with a mark at each restart.
 *
 * @param {typeof CHARTS[number]} chart
 * @param {Sample[]} samples
 * @param {Array<{ at: number }>} restarts
 */
async function drawn({ title, unit, lines }, samples, restarts) {
  const minutes = (/** @type {number} */ seconds) => seconds / 60;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    title: { text: title },
    legend: { top: 0, right: 20 },
    xAxis: { type: 'value', name: 'minutes', min: 0, max: 'dataMax' },
    yAxis: { type: 'value', name: unit },
    series: lines.map(([name, of], index) => ({
      name,
      type: 'line',
      showSymbol: false,
      lineStyle: { width: 1 },
      data: samples.map((sample) => [minutes(sample.at), of(sample)]),
      markLine:
        index > 0
          ? undefined
          : { symbol: 'none', label: { show: false }, lineStyle: { color: '#bbb' }, data: restarts.map(({ at }) => ({ xAxis: minutes(at) })) },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return await sharp(Buffer.from(svg)).png().toBuffer();
}
