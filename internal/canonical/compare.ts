const BELOW_SURROGATES = /^[\0-\ud7ff]*$/;

/** Bytewise order of the UTF-8 forms, the order of PostgreSQL's `COLLATE "C"`. */
export function compareBytes(a: string, b: string): number {
  // Of code units below the surrogates, the order is the same.
  if (BELOW_SURROGATES.test(a) && BELOW_SURROGATES.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
