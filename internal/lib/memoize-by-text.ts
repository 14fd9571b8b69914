import { setBounded } from "./bounded-map.ts";

const MAX_ENTRIES = 10_000;

/** Caches the result of `read` per key as long as the key's text stays the same. Errors are not cached. */
export function memoizeByText<T>(read: (text: string) => T): (key: string, text: string) => T {
  const known = new Map<string, { readonly text: string; readonly value: T }>();
  return (key, text) => {
    const last = known.get(key);
    if (last?.text === text) return last.value;
    const value = read(text);
    setBounded(known, key, { text, value }, MAX_ENTRIES);
    return value;
  };
}
