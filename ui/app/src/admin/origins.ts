/** One for each line, comma or space; with what an address has beyond its origin cut off. */
export function parseOrigins(text: string): string[] {
  const parts = text.split(/[\s,]+/).filter((part) => part !== '');
  return [...new Set(parts.map((part) => part.replace(/^(https?:\/\/[^/]+)\/.*$/i, '$1')))];
}

/** The id that a name suggests. */
export function appIdFrom(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64);
}
