/** A file cannot be read to its end. What came before was good; the message says why it ends and what to do. */
export class BrokenFile extends Error {
  override readonly name = "BrokenFile";
}
