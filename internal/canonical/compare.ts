const BELOW_SURROGATES = /^[\0-\ud7ff]*$/;

/** Compares by UTF-8 bytes, the order of PostgreSQL's `COLLATE "C"`. */
export function compareBytes(a: string, b: string): number {
  // Below the surrogates, UTF-16 code units and UTF-8 bytes have the same order.
  if (BELOW_SURROGATES.test(a) && BELOW_SURROGATES.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
