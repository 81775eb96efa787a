import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { Person, launch } from './browser.ts';
import { KrakenServer } from './kraken.ts';
import { Site } from './site.ts';

/** Where the pages are looked at: through the gateway, and at the node's own path. */
export const WAYS = ['gateway', 'node'] as const;
export type Way = (typeof WAYS)[number];

/** `dist`: the pages as they were just built, rather than those that are in the binary. */
const FROM_DIST = process.env['KRAKEN_UI'] === 'dist';
const NODE_PATH = 'kraken:kraken:template.os/';

/** One server and its pages for all tests of a file, one browser for each, and nobody left over. */
export class World {
  /** Which way people come, unless it is said otherwise. */
  readonly way: Way;
  server!: KrakenServer;
  browser!: Browser;
  #site: Site | null = null;
  readonly #people: Person[] = [];

  constructor(way: Way) {
    this.way = way;
  }

  get root(): string {
    return this.#site?.url ?? `http://localhost:${String(this.server.port)}/`;
  }

  url(way: Way = this.way): string {
    return way === 'node' ? this.root + NODE_PATH : this.root;
  }

  roomUrl(room: string, token: string | null, way: Way = this.way): string {
    const query = token === null ? '' : `?token=${token}`;
    return `${this.url(way)}#/room/${encodeURIComponent(room)}${query}`;
  }

  async visit(url: string, options?: BrowserContextOptions): Promise<Person> {
    const person = await Person.open(this.browser, url, options);
    this.#people.push(person);
    return person;
  }

  /** The owner, by the address that the server prints, or by the login at the node. */
  async owner(way: Way = this.way, options?: BrowserContextOptions): Promise<Person> {
    if (way === 'gateway') {
      const owner = await Person.owner(this.browser, this.url(way), options);
      this.#people.push(owner);
      return owner;
    }
    const owner = await this.visit('about:blank', options);
    const password_hash = (await this.server.ownersSecret()).trim();
    await owner.page.request.post(`${this.root}login`, { data: { password_hash, subdomain: '' } });
    await owner.page.goto(this.url(way));
    return owner;
  }

  async open(): Promise<void> {
    this.server = await KrakenServer.launch();
    if (FROM_DIST) this.#site = await Site.open(this.server.port);
    if (this.way === 'node') {
      await this.server.api('PATCH', '/settings', { tickets_for_everyone: true });
    }
  }

  async close(): Promise<void> {
    this.#site?.close();
    await this.server.dispose();
  }

  /** Nothing was wrong with any page: no exception, nothing that the policy had to forbid. */
  expectNoErrors(): void {
    const people = this.#people.splice(0);
    expect(people.flatMap(({ errors }) => errors)).toEqual([]);
  }
}

/** Sets up the world of a file of tests. */
export function useWorld(way: Way = 'gateway'): World {
  const world = new World(way);
  beforeAll(() => world.open());
  afterAll(() => world.close());
  beforeEach(async () => {
    world.browser = await launch();
  });
  afterEach(async () => {
    await world.browser.close();
    world.expectNoErrors();
  });
  return world;
}
