// @ts-check
/** That the examples of the documentation work, as they stand there. */
import assert from 'node:assert/strict';
import { test as plainTest } from 'node:test';
import { blocks, pages, Reader } from '../lib/examples.js';
import { suite } from '../lib/suite.js';

/** What a block may be marked as: see lib/examples.js. */
const MARK = /^(run( |$)|answer$|config \S+$|not run: \S)/;

plainTest('every example of the documentation is run, or says why not', async () => {
  for (const page of await pages()) {
    for (const { line, mark } of await blocks(page)) {
      if (page === 'README.md' && mark === '') continue;
      assert.match(mark, MARK, `${page}:${line}`);
    }
  }
});

const examples = await Promise.all((await pages()).map(blocks));

suite(
  'Documentation',
  (test) => {
    for (const page of examples) {
      const marked = page.filter(({ mark }) => /^(run|answer)\b/.test(mark));
      const [first] = marked;
      if (first === undefined) continue;
      test(`every example of ${first.file} works`, { needs: ['apps'], within: 120_000 }, async (scene) => {
        const reader = await Reader.of(scene.server);
        scene.cleanups.push(() => reader.end());
        for (const block of marked) {
          try {
            await reader.follow(block);
          } catch (error) {
            throw new Error(`${block.file}:${block.line} does not work: ${error}`, { cause: error });
          }
        }
      });
    }
  },
  { once: true, server: { engine: true } },
);
