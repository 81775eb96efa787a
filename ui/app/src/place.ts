/** Where the pages are served from, which decides how Kraken is reached. */
export interface Place {
  /** Everything of Kraken's is below this address, which ends in a slash. */
  readonly base: string;
  /** `gateway`: tokens go along. `node`: a Kinode node, whose sockets want tickets. */
  readonly way: 'gateway' | 'node';
}

const ON_NODE = /^.*\/kraken:kraken:template\.os(?=\/|$)/;

export function placeOf(address: string): Place {
  const url = new URL(address);
  const onNode = ON_NODE.exec(decodeURIComponent(url.pathname))?.[0];
  if (onNode !== undefined) return { base: `${url.origin}${onNode}/`, way: 'node' };
  return { base: new URL('.', url.origin + url.pathname).href, way: 'gateway' };
}

export const here: Place = placeOf(location.href);

/** The base as WebSocket clients take it: no slash at the end. */
export function socketBase({ base }: Place): string {
  return base.replace(/^http/, 'ws').replace(/\/$/, '');
}
