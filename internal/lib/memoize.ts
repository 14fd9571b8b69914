/** Caches the promise of an asynchronous function by key; a rejection is cached too. */
export function memoize<Args extends unknown[], T>(
  keyOf: (...args: Args) => string,
  compute: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  const results = new Map<string, Promise<T>>();
  return (...args) => {
    const key = keyOf(...args);
    const result = results.get(key) ?? compute(...args);
    results.set(key, result);
    return result;
  };
}
