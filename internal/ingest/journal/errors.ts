/** A record could not be made durable. Nothing of it is kept, and later records can be appended once there is space. */
export class JournalFull extends Error {
  override readonly name = "JournalFull";
  /** `disk`: the file system has no space. `limit`: the journal has reached its configured size. */
  readonly reason: "disk" | "limit";

  constructor(reason: JournalFull["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A record could not be made durable, since the file system failed; nothing of it is kept. */
export class JournalFailed extends Error {
  override readonly name = "JournalFailed";
}

/** Records that were acknowledged cannot be read. No file is changed; the message says what to do. */
export class JournalCorrupt extends Error {
  override readonly name = "JournalCorrupt";
}

const NO_SPACE: readonly unknown[] = ["ENOSPC", "EDQUOT"];

/** Returns the error of a failed append for its callers. */
export function asAppendError(error: unknown): Error {
  if (error instanceof JournalFull || error instanceof JournalFailed) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (NO_SPACE.includes(code)) return new JournalFull("disk", `the disk of the journal is full (${code})`);
  return new JournalFailed(`the journal could not be written: ${message}`);
}
