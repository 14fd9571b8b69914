import { InputError } from "../canonical/input-error.ts";
import { formatTime, type Micros, seconds } from "../canonical/time.ts";
import type { FileKind } from "./file-kind.ts";

/** Tolerated difference between the clocks of a venue and this machine. */
const CLOCK_TOLERANCE_SECONDS = 60;

/** Refuses rows with a future timestamp, which cannot be real and would count once that time comes. */
export function notInTheFuture<Column extends string>(kind: FileKind<Column>, now: () => Micros): FileKind<Column> {
  return {
    ...kind,
    readRow(fields) {
      const row = kind.readRow(fields);
      const clock = now();
      if (row.ts > clock + seconds(CLOCK_TOLERANCE_SECONDS)) {
        throw new InputError(
          `ts ${formatTime(row.ts)} is in the future: this machine's clock says ${formatTime(clock)}; times are UTC unless they name a zone`,
        );
      }
      return row;
    },
  };
}
