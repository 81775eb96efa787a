import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const NODE_MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** Pages on `http://localhost`, each an app that uses the package as npm would install it. */
export class Site {
  readonly #folder: string;
  readonly #server: Server;
  readonly #scripts = new Map<string, string>();
  readonly #texts = new Map<string, string>();

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer(({ url = '/' }, response) => {
      const script = this.#scripts.get(url);
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(script === undefined ? (this.#texts.get(url) ?? 'ok') : page(script));
    });
  }

  static async open(): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), 'kraken-site-'));
    await installPackage(folder);
    const site = new Site(folder);
    site.#server.listen(0, 'localhost');
    await once(site.#server, 'listening');
    return site;
  }

  /** Answers with this text, as an app's backend would. */
  answer(path: string, text: string): void {
    this.#texts.set(path, text);
  }

  /** @returns the address of a page that runs the code */
  async add(path: string, code: string): Promise<string> {
    this.#scripts.set(path, await this.bundle(code));
    const { port } = this.#server.address() as AddressInfo;
    return `http://localhost:${String(port)}${path}`;
  }

  /** The code, and all that it imports. */
  async bundle(code: string): Promise<string> {
    const { outputFiles } = await build({
      stdin: { contents: code, resolveDir: this.#folder, loader: 'tsx' },
      bundle: true,
      write: false,
      format: 'esm',
      jsx: 'automatic',
      nodePaths: [NODE_MODULES],
      define: { 'process.env.NODE_ENV': '"development"' },
    });
    return outputFiles[0]?.text ?? '';
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function installPackage(folder: string): Promise<void> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: PACKAGE,
  });
  const [packed] = JSON.parse(stdout) as [{ filename: string }];
  const target = join(folder, 'node_modules', '@kraken', 'client');
  await mkdir(target, { recursive: true });
  await run('tar', ['-xzf', join(folder, packed.filename), '-C', target, '--strip-components=1']);
}

function page(script: string): string {
  const safe = script.replaceAll('</script', '<\\/script');
  return `<!doctype html><title>e2e</title><main></main><script type="module">${safe}</script>`;
}
