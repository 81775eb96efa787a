// Fails a build whose first view, of whatever page, needs more script than promised.
import { readdir, readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const LIMIT = 250 * 1024;
const dist = new URL('../dist/', import.meta.url);
const assets = new URL('assets/', dist);

/** What a script imports before it runs; what it may load later doesn't count. */
async function closure(name, seen = new Map()) {
  if (seen.has(name)) return seen;
  const code = await readFile(new URL(name, assets), 'utf8');
  seen.set(name, gzipSync(code).length);
  for (const [, dependency] of code.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) {
    await closure(dependency, seen);
  }
  return seen;
}

const page = await readFile(new URL('index.html', dist), 'utf8');
const entry = /src="\.\/assets\/(index-[^"]+\.js)"/.exec(page)?.[1];
if (entry === undefined) throw new Error('index.html has no script of its own');
const scripts = await readdir(assets);

/** The pages, and what each shows at once. */
const VIEWS = { Home: ['Home'], Room: ['Room', 'Editor'], Admin: ['Admin'] };

let failed = false;
for (const [view, parts] of Object.entries(VIEWS)) {
  const needed = await closure(entry);
  for (const part of parts) {
    const script = scripts.find((name) => name.startsWith(`${part}-`) && name.endsWith('.js'));
    if (script === undefined) throw new Error(`there is no script of ${part}`);
    await closure(script, needed);
  }
  const total = [...needed.values()].reduce((sum, size) => sum + size, 0);
  process.stdout.write(`${view}: ${(total / 1024).toFixed(1)} KiB of script, gzipped\n`);
  failed ||= total > LIMIT;
}
if (failed) throw new Error(`a first view may take ${LIMIT / 1024} KiB`);
