/** An app's mistake in a listener shows in its console, and breaks nothing here. */
export function rethrowLater(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
