import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { ADMIN_TOKEN } from './kraken.ts';

export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

export const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) process.stderr.write(`Skipped: there is no Chromium at ${CHROMIUM}.\n`);

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      '--auto-select-desktop-capture-source=Entire screen',
      '--autoplay-policy=no-user-gesture-required',
      // No test of this machine may reach for the public STUN server.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
    ],
  });
}

/** Somebody with a browser of their own, and what their pages got wrong. */
export class Person {
  readonly page: Page;
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', ({ message }) => this.errors.push(message));
    page.on('console', (message) => {
      // What the policy forbids is told nowhere else. Answers that aren't good are meant to be.
      if (message.type() === 'error' && !/Failed to load resource|WebSocket/.test(message.text())) {
        this.errors.push(message.text());
      }
    });
  }

  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
  ): Promise<Person> {
    const context = await browser.newContext({
      viewport: { width: 1360, height: 850 },
      reducedMotion: 'reduce',
      permissions: ['microphone', 'camera', 'clipboard-read', 'clipboard-write'],
      ...options,
    });
    context.setDefaultTimeout(20_000);
    const person = new Person(await context.newPage());
    await person.page.goto(url);
    return person;
  }

  /** The owner, by the address that the server prints. */
  static owner(browser: Browser, url: string, options?: BrowserContextOptions): Promise<Person> {
    return Person.open(browser, `${url}#admin=${ADMIN_TOKEN}`, options);
  }

  get text(): Locator {
    return this.page.getByLabel('Shared document');
  }

  get board(): Locator {
    return this.page.getByRole('group', { name: /^Board,/ });
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name, exact: typeof name === 'string' });
  }

  /** @returns the room's address, which others can be sent */
  async startRoom(): Promise<string> {
    await this.button('Start a room').click();
    await this.text.waitFor();
    return this.page.url();
  }

  async write(text: string): Promise<void> {
    await this.text.click();
    await this.page.keyboard.press('Control+End');
    await this.page.keyboard.type(text);
  }

  async reads(text: string): Promise<void> {
    await this.text.getByText(text).first().waitFor();
  }

  /**
   * Waits until what the page has handed to its device is written. A page that goes earlier takes
   * its last keystrokes along.
   */
  async hasKept(): Promise<void> {
    await this.page.evaluate(async () => {
      const done = <T>(request: IDBRequest<T>): Promise<T> =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => {
            resolve(request.result);
          };
          request.onerror = () => {
            reject(request.error ?? new Error('IndexedDB fails'));
          };
        });
      for (const { name } of await indexedDB.databases()) {
        if (name === undefined) continue;
        const database = await done(indexedDB.open(name));
        // A transaction that reads begins when those that write have ended.
        const store = database.transaction('updates').objectStore('updates');
        await done(store.count());
        database.close();
      }
    });
  }

  async named(name: string): Promise<void> {
    await this.button('Change your name and colour').click();
    await this.page.getByRole('textbox', { name: 'Name' }).fill(name);
    await this.button('Save').click();
    await this.page.getByRole('dialog').waitFor({ state: 'detached' });
  }
}
