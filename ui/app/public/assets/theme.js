// Blocking on purpose: whoever chose a theme never sees the other one flash.
try {
  const theme = JSON.parse(localStorage.getItem('kraken:theme') ?? 'null');
  if (theme === 'light' || theme === 'dark')
    globalThis.document.documentElement.dataset.theme = theme;
} catch {
  // Storage is closed to this page, so nothing was chosen.
}
