import { setBounded } from "../cache/bounded.ts";

const MOST_KEPT = 10_000;

/** Reads the text of a key once for as long as it stays the same. What `read` throws is thrown each time. */
export function rememberText<T>(read: (text: string) => T): (key: string, text: string) => T {
  const known = new Map<string, { readonly text: string; readonly value: T }>();
  return (key, text) => {
    const last = known.get(key);
    if (last?.text === text) return last.value;
    const value = read(text);
    setBounded(known, key, { text, value }, MOST_KEPT);
    return value;
  };
}
