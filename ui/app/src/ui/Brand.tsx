/** The name of the house, and the way home. */
export function Brand({ compact = false }: { compact?: boolean }) {
  return (
    <a className="brand" href="#/" aria-label="Kraken, home">
      <svg width="30" height="30" viewBox="0 0 32 32" aria-hidden>
        <rect width="32" height="32" fill="#0b6f7f" />
        <path
          fill="none"
          stroke="#fff"
          strokeWidth="2.6"
          strokeLinecap="round"
          d="M9 25c-3-3 1-6 1-10a6 6 0 0 1 12 0c0 4 4 7 1 10M14 25c-2-2 0-5 0-7M18 25c2-2 0-5 0-7"
        />
        <circle cx="13.6" cy="14" r="1.5" fill="#fff" />
        <circle cx="18.4" cy="14" r="1.5" fill="#fff" />
      </svg>
      {!compact && <span>Kraken</span>}
    </a>
  );
}
