// Puts the built pages where `kit` and the process expect them, with a compressed copy of each.
import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const built = new URL('../dist/', import.meta.url);
const packaged = new URL('../../../pkg/ui/', import.meta.url);

await rm(packaged, { recursive: true, force: true });
await cp(built, packaged, { recursive: true });

const folder = fileURLToPath(packaged);
for (const name of await readdir(folder, { recursive: true })) {
  if (!/\.(html|js|css|svg)$/.test(name)) continue;
  await writeFile(`${folder}${name}.gz`, gzipSync(await readFile(folder + name), { level: 9 }));
}
