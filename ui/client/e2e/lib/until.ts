/** Waits for something that an event announces; the test's own limit ends it. */
export function until(
  isSo: () => boolean,
  onEvent: (check: () => void) => () => void,
): Promise<void> {
  return new Promise((resolve) => {
    let off: () => void = () => undefined;
    const check = () => {
      if (!isSo()) return;
      off();
      resolve();
    };
    off = onEvent(check);
    check();
  });
}
