// @ts-check
/**
 * The examples of the documentation: where they stand, and how each is run as a reader would.
 *
 * An HTML comment in front of a fenced block says what becomes of it:
 *
 * - `run`: it is run. Options: `page=ORIGIN` runs JavaScript as a page from there, `owner` as a
 *   page of the node in its owner's browser; `prints="REGEXP"` is what it must print, otherwise it
 *   must end well; `keeps=NAME:FIELD` keeps a field of the JSON that it prints as a variable for
 *   the blocks behind it; `component=NAME` has React render what a block exports.
 * - `answer`: the JSON printed last has exactly these fields.
 * - `config`: another test takes it.
 * - `not run: REASON`.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { logIn } from './api.js';
import { ServerProcess } from './process.js';
import { ADMIN_TOKEN, KRAKEN, MASTER_TOKEN } from './server.js';

/** @typedef {{ file: string, line: number, language: string, mark: string, text: string }} Block */
/** @typedef {Record<string, string>} Variables */

const fromHere = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const ROOT = fromHere('../../../');
const PACKAGES = fromHere('../node_modules');

/** An example may take this long, in milliseconds, on a busy machine. */
const EXAMPLE_WITHIN = 30_000;

/** A fence with its language, and the comment in front of it if there is one. */
const FENCE = /(?:<!-- *(?<mark>[^\n]*?) *-->\n+)?^```(?<language>\w+)\n(?<text>.*?)^```$/gms;

/** The pages with examples: the README and everything in `docs/`. */
export async function pages() {
  const docs = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md')).toSorted();
  return ['README.md', ...docs.map((name) => `docs/${name}`)];
}

/**
 * @param {string} page
 * @returns {Promise<Block[]>}
 */
export async function blocks(page) {
  const source = await readFile(join(ROOT, page), 'utf8');
  return [...source.matchAll(FENCE)].map((match) => {
    const { mark = '', language = '', text = '' } = match.groups ?? {};
    const line = source.slice(0, match.index).split('\n').length;
    return { file: page, line, language, mark, text };
  });
}

/** The examples of one page, run one after the other against one server. */
export class Reader {
  /**
   * @param {import('./server.js').Server} server
   * @param {string} folder
   */
  constructor(server, folder) {
    this.server = server;
    this.folder = folder;
    /** @type {Variables} */
    this.variables = {
      KRAKEN: server.http,
      NODE: server.node,
      DATA_DIR: server.dataDir,
      ADMIN_TOKEN,
      MASTER_TOKEN,
      // For the commands of `kraken` itself.
      KRAKEN_SERVER: server.http,
      KRAKEN_ADMIN_TOKEN: ADMIN_TOKEN,
      PATH: `${folder}:${process.env['PATH']}`,
    };
    this.printed = '';
  }

  /** @param {import('./server.js').Server} server */
  static async of(server) {
    const folder = await folderWithPackages();
    await symlink(resolve(KRAKEN), join(folder, 'kraken'));
    return new Reader(server, folder);
  }

  async end() {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** @param {Block} block */
  async follow(block) {
    const { words, options } = parsed(block.mark);
    switch (words[0]) {
      case 'run':
        await this.run(block, words, options);
        break;
      case 'answer':
        assert.deepEqual(shape(JSON.parse(this.printed)), shape(JSON.parse(block.text)));
        break;
    }
  }

  /**
   * @param {Block} block
   * @param {string[]} words
   * @param {Variables} options
   */
  async run(block, words, options) {
    const started = block.language === 'sh' ? this.shell(block) : await this.script(block, words, options);
    const { prints, keeps } = options;
    if (prints === undefined) await endsWell(started);
    else await hasPrinted(started, new RegExp(prints));
    this.printed = started.output;
    if (keeps === undefined) return;
    const [name = '', field = ''] = keeps.split(':');
    this.variables[name] = JSON.parse(this.printed)[field];
  }

  /** @param {Block} block */
  shell({ text }) {
    return new ServerProcess('bash', ['-euo', 'pipefail', '-c', text], this.variables);
  }

  /**
   * @param {Block} block
   * @param {string[]} words
   * @param {Variables} options
   */
  async script(block, words, options) {
    const owner = words.includes('owner');
    const environment = {
      ...this.variables,
      PAGE: owner ? `${this.server.direct}/` : (options['page'] ?? ''),
      COOKIE: owner ? await logIn(this.server) : '',
      COMPONENT: options['component'] ?? '',
    };
    return await startScript(this.folder, this.asCode(block), environment);
  }

  /**
   * The block with this server and these variables in place of what stands for the reader's own.
   *
   * @param {Block} block
   */
  asCode({ language, text }) {
    const named = text.replaceAll(/YOUR_([A-Z_]+)/g, (_, name) => this.variables[name] ?? `no ${name}`);
    const local = named
      .replaceAll('https://kraken.example.com', this.server.http)
      .replaceAll('wss://kraken.example.com', this.server.ws);
    return language === 'jsx' ? withoutJsx(local) : local;
  }
}

/** A folder in which scripts find the packages of this suite. */
export async function folderWithPackages() {
  const folder = await mkdtemp(join(tmpdir(), 'kraken-examples-'));
  await symlink(PACKAGES, join(folder, 'node_modules'));
  return folder;
}

/**
 * Runs a script in a process of its own; in a page if `PAGE` is the page's address.
 *
 * @param {string} folder
 * @param {string} code
 * @param {Variables} environment
 */
export async function startScript(folder, code, environment) {
  const example = join(folder, 'example.mjs');
  await writeFile(example, code);
  return new ServerProcess(process.execPath, [fromHere('example-runner.js')], { ...environment, EXAMPLE: example });
}

/** @param {string} source */
function withoutJsx(source) {
  const compilerOptions = {
    jsx: ts.JsxEmit.ReactJSX,
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
  };
  return ts.transpileModule(source, { compilerOptions }).outputText;
}

/** @param {ServerProcess} started */
async function endsWell(started) {
  const { code } = await started.exited;
  assert.equal(code, 0, started.output);
}

/**
 * @param {ServerProcess} started
 * @param {RegExp} pattern
 */
async function hasPrinted(started, pattern) {
  try {
    await started.prints(pattern, EXAMPLE_WITHIN);
  } finally {
    await started.end('SIGKILL');
  }
}

/**
 * The words and options of a mark, as in `run page=https://a.example prints="in sync"`.
 *
 * @param {string} mark
 */
function parsed(mark) {
  /** @type {string[]} */
  const words = [];
  /** @type {Variables} */
  const options = {};
  for (const [, name, quoted, bare, word] of mark.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))|(\S+)/g)) {
    if (word !== undefined) words.push(word);
    else options[name ?? ''] = quoted ?? bare ?? '';
  }
  return { words, options };
}

/**
 * JSON with its fields, without its values.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
function shape(value) {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape);
  if (typeof value !== 'object' || value === null) return '…';
  const fields = Object.entries(value).toSorted(([one], [other]) => one.localeCompare(other));
  return Object.fromEntries(fields.map(([name, field]) => [name, shape(field)]));
}
