import { InputError } from "../canonical/input-error.ts";
import { formatTime, type Micros } from "../canonical/time.ts";
import type { FileKind } from "./file-kind.ts";

/**
 * Refuses rows from before the retention horizon: it is unknown whether the rollups already count such a trade.
 * @param completeFrom time from which trades are complete; null where nothing was ever removed
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
          `ts ${formatTime(row.ts)} is before ${formatTime(completeFrom)}: retention has removed earlier trades`,
        );
      }
      return row;
    },
  };
}
