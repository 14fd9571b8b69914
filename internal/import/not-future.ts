import { InputError } from "../canonical/input-error.ts";
import type { Micros } from "../canonical/time.ts";
import { futureProblem } from "../canonical/trade-rules.ts";
import type { FileKind } from "./file-kind.ts";

/** Refuses rows with a future timestamp; see {@link futureProblem}. */
export function notInTheFuture<Column extends string>(kind: FileKind<Column>, now: () => Micros): FileKind<Column> {
  return {
    ...kind,
    readRow(fields) {
      const row = kind.readRow(fields);
      const problem = futureProblem(row.ts, now());
      if (problem !== null) throw new InputError(`ts ${problem}`);
      return row;
    },
  };
}
