import { InputError } from "../canonical/input-error.ts";
import { formatTime, type Micros } from "../canonical/time.ts";
import type { FileKind } from "./file-kind.ts";

/**
 * Refuses rows from before trades are complete: whether such a trade was counted once can no longer be known.
 * @param completeFrom null where nothing was ever removed
 */
export function notRemoved<Column extends string>(
  kind: FileKind<Column>,
  completeFrom: Micros | null,
): FileKind<Column> {
  if (completeFrom === null) return kind;
  return {
    ...kind,
    readRow(fields) {
      const row = kind.readRow(fields);
      if (row.ts < completeFrom) {
        throw new InputError(
          `ts ${formatTime(row.ts)} is before ${formatTime(completeFrom)}, from when on trades are complete here: what was before has been removed and cannot be added`,
        );
      }
      return row;
    },
  };
}
