/** A file cannot be read to its end; the part before is valid. The message says why and what to do. */
export class BrokenFile extends Error {
  override readonly name = "BrokenFile";
}
