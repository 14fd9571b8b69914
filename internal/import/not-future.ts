import { InputError } from "../canonical/input-error.ts";
import { formatTime, type Micros, seconds } from "../canonical/time.ts";
import type { FileKind } from "./file-kind.ts";

/** What the clocks of a venue and of this machine may be apart. */
const CLOCKS_APART_SECONDS = 60;

/** Refuses rows dated in the future: no trade has happened then, and it would count once its time comes. */
export function notInTheFuture<Column extends string>(kind: FileKind<Column>, now: () => Micros): FileKind<Column> {
  return {
    ...kind,
    readRow(fields) {
      const row = kind.readRow(fields);
      const clock = now();
      if (row.ts > clock + seconds(CLOCKS_APART_SECONDS)) {
        throw new InputError(
          `ts ${formatTime(row.ts)} is in the future: this machine's clock says ${formatTime(clock)}; times are UTC unless they name a zone`,
        );
      }
      return row;
    },
  };
}
