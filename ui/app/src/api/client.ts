import type { Place } from '../place.ts';
import { failure, request, send } from './request.ts';
import type {
  App,
  AppChange,
  Health,
  IssuedToken,
  Link,
  LiveRoom,
  LiveStore,
  NewApp,
  NewRevocation,
  Revocation,
  Settings,
  SettingsChange,
  TokenRequest,
} from './types.ts';

/** How a page shows that it is the owner's. */
export type Credential = { kind: 'admin-token'; token: string } | { kind: 'node-login' };

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** The owner's side of the HTTP API. Methods reject with `ApiError` or `UnreachableError`. */
export class OwnerApi {
  readonly #place: Place;
  readonly #credential: Credential;

  constructor(place: Place, credential: Credential) {
    this.#place = place;
    this.#credential = credential;
  }

  apps = (): Promise<App[]> =>
    this.#json<{ apps: App[] }>('GET', 'api/apps').then(({ apps }) => apps);
  app = (id: string): Promise<App> => this.#json('GET', appPath(id));
  register = (app: NewApp): Promise<App & { secret: string }> =>
    this.#json('POST', 'api/apps', app);
  changeApp = (id: string, change: AppChange): Promise<App> =>
    this.#json('PATCH', appPath(id), change);
  deleteApp = (id: string): Promise<unknown> =>
    this.#json('DELETE', `${appPath(id)}?confirm=${encodeURIComponent(id)}`);

  rotateSecret = (id: string, overlapSeconds: number): Promise<{ id: number; secret: string }> =>
    this.#json('POST', `${appPath(id)}/secrets`, { overlap_seconds: overlapSeconds });
  revokeSecret = (id: string, secret: number): Promise<App> =>
    this.#json('DELETE', `${appPath(id)}/secrets/${String(secret)}`);
  issueToken = (id: string, request: TokenRequest): Promise<IssuedToken> =>
    this.#json('POST', `${appPath(id)}/tokens`, request);

  revocations = (): Promise<Revocation[]> =>
    this.#json<{ revocations: Revocation[] }>('GET', 'api/revocations').then(
      ({ revocations }) => revocations,
    );
  revoke = (what: NewRevocation): Promise<unknown> => this.#json('POST', 'api/revocations', what);
  endRevocation = (id: Revocation['id']): Promise<unknown> =>
    this.#json('DELETE', `api/revocations/${encodeURIComponent(id)}`);

  rooms = (): Promise<LiveRoom[]> =>
    this.#json<{ rooms: LiveRoom[] }>('GET', 'api/rooms').then(({ rooms }) => rooms);
  stores = (): Promise<LiveStore[]> =>
    this.#json<{ stores: LiveStore[] }>('GET', 'api/stores').then(({ stores }) => stores);
  deleteStore = (store: string): Promise<unknown> =>
    this.#json(
      'DELETE',
      `api/stores/${encodeURIComponent(store)}?confirm=${encodeURIComponent(store)}`,
    );

  settings = (): Promise<Settings> => this.#json('GET', 'api/settings');
  changeSettings = (change: SettingsChange): Promise<Settings> =>
    this.#json('PATCH', 'api/settings', change);
  renewMaster = (): Promise<{ master_token: string }> =>
    this.#json('POST', 'api/credentials', { renew: 'master' });
  renewAdmin = (): Promise<{ admin_token: string }> =>
    this.#json('POST', 'api/credentials', { renew: 'admin' });
  link = (): Promise<Link> => this.#json('GET', 'api/link');
  renewLink = (): Promise<{ key: string }> => this.#json('POST', 'api/link');

  health = (): Promise<Health> => health(this.#place);
  metrics = async (): Promise<string> => (await this.#send('GET', 'metrics')).text();

  async #json<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, body);
    return (await response.json()) as T;
  }

  #send(method: Method, path: string, body?: unknown): Promise<Response> {
    const headers = new Headers();
    const isOwner = this.#credential.kind === 'node-login';
    if (this.#credential.kind === 'admin-token') {
      headers.set('Authorization', `Bearer ${this.#credential.token}`);
    }
    if (body !== undefined) headers.set('Content-Type', 'application/json');
    return send(`${this.#place.base}${isOwner ? 'owner/' : ''}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }
}

/** Anybody may ask. A server that is up but not well answers, too. */
export async function health({ base }: Place): Promise<Health> {
  const response = await request(`${base}health`, {});
  if (response.status !== 200 && response.status !== 503) throw await failure(response);
  return (await response.json()) as Health;
}

function appPath(id: string): string {
  return `api/apps/${encodeURIComponent(id)}`;
}
