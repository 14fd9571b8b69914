/** A question needs rows that retention has removed; answering from what is left would be wrong. */
export class RawDataExpired extends Error {
  override readonly name = "RawDataExpired";
}

/** The database cannot be used as it is: not migrated, too old, taken by another process. The message says the cure. */
export class DatabaseUnusable extends Error {
  override readonly name = "DatabaseUnusable";
}
