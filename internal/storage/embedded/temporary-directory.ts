import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { asError } from "../../lib/as-error.ts";

/** For messages about places where no temporary directory can be created. */
export const NOT_TEMPORARY = "no temporary directory can be created in";

// Leaves enough of the longest socket path for the directory's and the socket's name.
const LONGEST_PLACE = 59;

/**
 * Creates a private directory in TMPDIR, else in /tmp, with a path short enough for a socket.
 * @throws Error with the reason for each place
 */
export function temporaryDirectory(): string {
  const reasons: string[] = [];
  for (const place of new Set([resolve(tmpdir()), "/tmp"])) {
    try {
      if (Buffer.byteLength(place) > LONGEST_PLACE) throw new Error("its path is too long for a socket");
      return mkdtempSync(join(place, "stellarindex-"));
    } catch (error) {
      reasons.push(`${place} (${asError(error).message})`);
    }
  }
  throw new Error(`${NOT_TEMPORARY} ${reasons.join(", nor in ")}`);
}
