import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { MASTER_TOKEN } from './kraken.js';
import type { KrakenServer } from './kraken.js';
import type { Way } from './ways.js';

const README = fileURLToPath(new URL('../../README.md', import.meta.url));

/**
 * An example of the README, by the name in the comment before it. Only addresses and tokens are
 * put in, and the way.
 */
export async function example(
  name: string,
  server: KrakenServer,
  { via }: Pick<Way, 'via'> = { via: 'gateway' },
): Promise<string> {
  const text = await readFile(README, 'utf8');
  const marker = `<!-- e2e: ${name} -->`;
  const block = text.split(marker)[1]?.match(/```\w+\n([\s\S]*?)```/)?.[1];
  if (block === undefined) throw new Error(`the README has no example ${name}`);
  const url = via === 'direct' ? `'${server.directUrl}', via: 'direct'` : `'${server.url}'`;
  return block
    .replaceAll("'wss://kraken.example.com'", url)
    .replaceAll("'YOUR_TOKEN'", `'${MASTER_TOKEN}'`)
    .replaceAll('process.env.KRAKEN_TOKEN', `'${MASTER_TOKEN}'`);
}
