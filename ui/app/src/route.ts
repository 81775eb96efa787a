import { useSyncExternalStore } from 'react';

/**
 * What the address shows. It is in the fragment, which browsers never send anywhere: the pages
 * work from any folder, and a token in a link stays between those who have the link.
 */
export type Route =
  | { page: 'home' }
  | { page: 'room'; room: string; token: string | null }
  | { page: 'admin'; section: AdminSection }
  | { page: 'admin'; section: 'app'; appId: string }
  | { page: 'unknown' };

const ADMIN_SECTIONS = ['overview', 'apps', 'rooms', 'stores', 'tokens', 'settings'] as const;
export type AdminSection = (typeof ADMIN_SECTIONS)[number];

/** What a link brings along besides its page, and what must not stay in the address. */
export interface Credentials {
  admin: string | null;
  token: string | null;
}

export function parseRoute(fragment: string): Route {
  const [path, query] = split(fragment.replace(/^#/, ''));
  if (!path.startsWith('/')) return { page: 'home' };
  const [page = '', ...rest] = path.split('/').filter((part) => part !== '');
  const names = rest.map(decode);
  if (page === '') return { page: 'home' };
  if (page === 'room' && names.length === 1 && names[0] !== undefined) {
    return { page: 'room', room: names[0], token: new URLSearchParams(query).get('token') };
  }
  return page === 'admin' ? adminRoute(names) : { page: 'unknown' };
}

function adminRoute([section = 'overview', appId, ...more]: string[]): Route {
  if (more.length > 0) return { page: 'unknown' };
  if (section === 'apps' && appId !== undefined) return { page: 'admin', section: 'app', appId };
  const known = ADMIN_SECTIONS.find((one) => one === section);
  if (known === undefined || appId !== undefined) return { page: 'unknown' };
  return { page: 'admin', section: known };
}

export function formatRoute(route: Route): string {
  switch (route.page) {
    case 'home':
    case 'unknown':
      return '#/';
    case 'room': {
      const query = route.token === null ? '' : `?token=${encodeURIComponent(route.token)}`;
      return `#/room/${encodeURIComponent(route.room)}${query}`;
    }
    case 'admin':
      if (route.section === 'app') return `#/admin/apps/${encodeURIComponent(route.appId)}`;
      return route.section === 'overview' ? '#/admin' : `#/admin/${route.section}`;
  }
}

/** Of `#admin=…` and `#token=…`: the addresses that a server prints when it starts. */
export function parseCredentials(fragment: string): Credentials {
  const text = fragment.replace(/^#/, '');
  const query = new URLSearchParams(text.startsWith('/') ? '' : text);
  return { admin: query.get('admin'), token: query.get('token') };
}

export function useRoute(): Route {
  const fragment = useSyncExternalStore(onFragment, () => location.hash);
  return parseRoute(fragment);
}

export function go(route: Route, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') {
    location.hash = formatRoute(route);
    return;
  }
  history.replaceState(null, '', formatRoute(route));
  dispatchEvent(new HashChangeEvent('hashchange'));
}

function onFragment(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => {
    removeEventListener('hashchange', listener);
  };
}

function split(text: string): [string, string] {
  const at = text.indexOf('?');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A link that somebody cut short: what it says is better than nothing.
    return part;
  }
}
