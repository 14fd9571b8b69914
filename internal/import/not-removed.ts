import { InputError } from "../canonical/input-error.ts";
import type { Micros } from "../canonical/time.ts";
import { removedProblem } from "../ingest/time-limits.ts";
import type { FileKind } from "./file-kind.ts";

/**
 * Refuses rows from before the retention horizon; see {@link removedProblem}.
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
      const problem = removedProblem(row.ts, completeFrom);
      if (problem !== null) throw new InputError(`ts ${problem}`);
      return row;
    },
  };
}
