/** The monkey that sees nothing. */
export function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#0f766e" />
      <circle cx="16" cy="12.5" r="6.5" fill="#f0fdfa" />
      <path d="M6 27c1-6 5-8 10-8s9 2 10 8z" fill="#f0fdfa" />
      <rect x="7" y="10" width="18" height="5" rx="2.5" fill="#134e4a" />
    </svg>
  );
}
