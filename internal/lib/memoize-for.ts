/**
 * Returns a function that returns the last result of `read` for that long, and then calls it again. An error is not
 * remembered.
 * @param stopwatch a monotonic clock, in seconds
 */
export function memoizeFor<T>(seconds: number, stopwatch: () => number, read: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly value: Promise<T> } | null = null;
  return () => {
    const at = stopwatch();
    if (last === null || at - last.at >= seconds) {
      const value = read();
      const asked = { at, value };
      last = asked;
      value.catch(() => {
        if (last === asked) last = null;
      });
    }
    return last.value;
  };
}
