import { Server } from './server.js';

export { MASTER_TOKEN } from './server.js';

/** What an app token says. */
export interface Claims {
  aud: string;
  scope?: 'read' | 'write' | 'admin';
  /** In seconds. */
  expires_in?: number;
}

/** A server that gives tickets to everyone. */
export class KrakenServer extends Server {
  static async create(): Promise<KrakenServer> {
    const server = new KrakenServer(await Server.makeFolder());
    await server.start();
    // Else the node itself lets its owner in alone.
    await server.api('PATCH', '/settings', { tickets_for_everyone: true });
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${String(this.port)}`;
  }

  /** The node inside, past the gateway. */
  get directUrl(): string {
    return `${this.url}/kraken:kraken:template.os`;
  }

  /** A token of an app for one user. */
  async token(app: string, claims: Claims): Promise<string> {
    const body = { sub: 'somebody', scope: 'write', expires_in: 600, ...claims };
    const { token } = await this.api<{ token: string }>('POST', `/apps/${app}/tokens`, body);
    return token;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }
}
