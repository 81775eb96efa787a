import type { KrakenClient } from '../src/index.js';
import type { KrakenProvider } from '../src/yjs/index.js';

declare global {
  interface Window {
    client: KrakenClient;
    provider: KrakenProvider;
    refusal: unknown;
    message: Promise<unknown>;
  }
}
