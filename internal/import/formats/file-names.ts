/** A market such as `BTC-USD` in the name of a file, apart from other letters and digits. */
const MARKET = /(?<![A-Za-z0-9])[A-Z0-9]{2,12}-[A-Z]{3,5}(?![A-Za-z0-9])/g;

/** Returns the one `BASE-QUOTE` in the name of a file; undefined where there is none, or more than one. */
export function marketInName(name: string): string | undefined {
  const found = new Set(name.match(MARKET));
  return found.size === 1 ? [...found][0] : undefined;
}
