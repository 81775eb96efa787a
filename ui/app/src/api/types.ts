/** What the HTTP API takes and gives, as docs/api.md has it. Times are milliseconds since 1970. */

export type Durability = 'relay-first' | 'write-first';

export interface AppSecret {
  id: number;
  created_at: number;
  expires_at: number | null;
}

export interface App {
  app_id: string;
  name: string;
  allowed_origins: string[];
  description: string | null;
  owner_email: string | null;
  require_app_token: boolean;
  durability: Durability | null;
  limits: Record<string, number>;
  created_at: number;
  secrets: AppSecret[];
  connections: number;
  rooms: number;
  being_deleted: boolean;
}

export interface NewApp {
  app_id: string;
  name: string;
  allowed_origins: string[];
  owner_email?: string;
  require_app_token?: boolean;
}

export type AppChange = Partial<
  Pick<
    App,
    | 'name'
    | 'allowed_origins'
    | 'description'
    | 'owner_email'
    | 'require_app_token'
    | 'durability'
    | 'limits'
  >
>;

export type Scope = 'read' | 'write' | 'admin';

export interface TokenRequest {
  sub: string;
  aud: string | string[];
  scope: Scope;
  expires_in: number;
}

export interface IssuedToken {
  token: string;
  expires_at: number;
}

export interface SdsSettings {
  configured: boolean;
  issuer: string | null;
  persist: boolean;
  store_bytes: number | null;
  retention_days: number | null;
}

export interface Settings {
  durability: Durability;
  tickets_for_everyone: boolean;
  limits: Record<string, number>;
  /** Absent on servers without SDS stores. */
  sds?: SdsSettings;
}

export type SettingsChange = Partial<Omit<Settings, 'sds'>> & {
  sds?: Partial<Omit<SdsSettings, 'configured'>> & { secret?: string | null };
};

export interface Health {
  status: string;
  version: string;
  storage: string;
  link: string;
  engine: string;
  connections: number;
  rooms: number;
}

export interface Link {
  key: string;
  connected: boolean;
}

/** What a room or a store in memory uses. */
export interface Usage {
  connections: number;
  /** Null where nothing is kept. */
  bytes: number | null;
  /** Since it came into memory; absent on servers that don't count them. */
  messages?: number;
  last_change: number | null;
}

export interface LiveRoom extends Usage {
  app: string;
  room: string;
}

export interface LiveStore extends Usage {
  store: string;
}

export interface Revocation {
  id: number | string;
  jti?: string | null;
  sub?: string | null;
  issued_before?: number | null;
  created: number;
}

export type NewRevocation = { jti: string } | { sub: string };
