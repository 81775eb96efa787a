// @vitest-environment node
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const KIB = 1024;
const PEERS = ['yjs', 'y-protocols', 'y-indexeddb', 'lib0', 'react'];

/** What an app has to load for these imports, in bytes, and the packages that come along. */
async function bundle(code: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL('../src', import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2022',
    external: PEERS.flatMap((name) => [name, `${name}/*`]),
    tsconfigRaw: {},
  });
  const packages = Object.values(metafile.outputs).flatMap(({ imports }) =>
    imports.filter(({ external }) => external).map(({ path }) => path.split('/')[0]),
  );
  return { size: gzipSync(outputFiles[0]?.contents ?? '').length, packages: new Set(packages) };
}

test('calls cost less than 12 KiB and need nothing else', async () => {
  const { size, packages } = await bundle("export * from './index.ts'");
  expect(size).toBeLessThan(12 * KIB);
  expect(packages).toEqual(new Set());
});

test('group calls cost less than 10 KiB and need nothing else', async () => {
  const { size, packages } = await bundle("export * from './group/index.ts'");
  expect(size).toBeLessThan(10 * KIB);
  expect(packages).toEqual(new Set());
});

test('calls between two bring none of what group calls are made of', async () => {
  const both = await bundle("export * from './index.ts'; export * from './group/index.ts'");
  const one = await bundle("export * from './index.ts'");
  expect(both.size - one.size).toBeGreaterThan(4 * KIB);
});

test('a document costs less than 6 KiB besides Yjs, and brings no calls', async () => {
  const { size, packages } = await bundle("export { KrakenProvider } from './yjs/index.ts'");
  expect(size).toBeLessThan(6 * KIB);
  expect(packages).toEqual(new Set(['yjs', 'y-protocols', 'y-indexeddb', 'lib0']));
});

test('the hooks for calls do without Yjs', async () => {
  const { packages } = await bundle("export * from './react/index.ts'");
  expect(packages).toEqual(new Set(['react']));
});

test('who takes one thing gets one thing', async () => {
  const { size } = await bundle("export { KrakenError } from './index.ts'");
  expect(size).toBeLessThan(KIB / 2);
});
