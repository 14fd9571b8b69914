import { makeOrientationRule } from "../ingest/orientation-rule.ts";
import type { StoredOrientations } from "../ingest/stored-orientations.ts";
import type { Write } from "./batch-writer.ts";

/** Returns a `write` that stores only one orientation of each market; see {@link makeOrientationRule}. */
export function inOneOrientation(write: Write, stored: Pick<StoredOrientations, "identityOf" | "inverted">): Write {
  const rule = makeOrientationRule(stored);
  return async (rows) => {
    const isKept = await rule(rows);
    const outcome = await write(rows.filter(isKept));
    return { ...outcome, inverted: rows.filter((row) => !isKept(row)) };
  };
}
