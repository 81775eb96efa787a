import type { KrakenClient } from '../src/index.js';

declare global {
  interface Window {
    client: KrakenClient;
    refusal: unknown;
    message: Promise<unknown>;
  }
}
