import { Server } from '../../../client/e2e/lib/server.ts';

export { ADMIN_TOKEN, MASTER_TOKEN } from '../../../client/e2e/lib/server.ts';

/** A server as it is at its first start. */
export class KrakenServer extends Server {
  static async launch(): Promise<KrakenServer> {
    const server = new KrakenServer(await Server.makeFolder());
    await server.start();
    return server;
  }

  /** A token for one room, as links have it. */
  async roomToken(room: string, scope: 'read' | 'write' = 'write', seconds = 600): Promise<string> {
    const body = { sub: 'guest', aud: room, scope, expires_in: seconds };
    const { token } = await this.api<{ token: string }>('POST', '/apps/default/tokens', body);
    return token;
  }
}
