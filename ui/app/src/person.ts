import { Stored } from './stored.ts';

/** Whoever uses this browser, as others in a room see them. */
export interface Person {
  name: string;
  /** `#rrggbb`, dark enough for white text. */
  color: string;
}

export const COLORS = [
  '#0b7285',
  '#b5356b',
  '#5f3dc4',
  '#a8530a',
  '#2b7a3d',
  '#1c5fbf',
  '#a33bb0',
  '#b3312c',
  '#5c6b12',
  '#4a5a6a',
] as const;

const KINDS = ['Quick', 'Calm', 'Bright', 'Kind', 'Bold', 'Quiet', 'Merry', 'Clever', 'Brave'];
const CREATURES = ['Otter', 'Heron', 'Squid', 'Seal', 'Tern', 'Whale', 'Crab', 'Puffin', 'Ray'];

export const person = new Stored<Person>('localStorage', 'person', (value) => {
  const { name, color } = (value ?? {}) as Partial<Record<keyof Person, unknown>>;
  return {
    name: typeof name === 'string' && name.trim() !== '' ? name : anyName(),
    color: COLORS.find((one) => one === color) ?? pick(COLORS),
  };
});

/** A name that was made up stays the same from now on. */
export function keepPerson(): void {
  person.set(person.value);
}

/** Colours of others end up in styles, so they must be colours and nothing else. */
export function safeColor(color: unknown): string {
  return typeof color === 'string' && /^#[0-9a-f]{6}$/i.test(color) ? color : '#4a5a6a';
}

export function safeName(name: unknown): string {
  const text = typeof name === 'string' ? name.trim().slice(0, 60) : '';
  return text === '' ? 'Somebody' : text;
}

export function initials(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== '');
  const letters = words
    .slice(0, 2)
    .map((word) => String.fromCodePoint(word.codePointAt(0) ?? 0x20));
  return letters.join('').toUpperCase();
}

function anyName(): string {
  return `${pick(KINDS)} ${pick(CREATURES)}`;
}

export function pick<T>(choices: readonly T[]): T {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  const choice = choices[random % choices.length];
  if (choice === undefined) throw new RangeError('nothing to pick from');
  return choice;
}
