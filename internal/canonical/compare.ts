/** Bytewise order of the UTF-8 forms, the order of PostgreSQL's `COLLATE "C"`. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
