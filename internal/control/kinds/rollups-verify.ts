import { z } from "zod";
import { HOUR } from "../../canonical/bucket.ts";
import { parseStoredPair } from "../../canonical/pair.ts";
import { ceilTo, floorTo, type Micros, parseTime } from "../../canonical/time.ts";
import { verifyRollups } from "../../storage/rollups/verify.ts";
import { PermanentFailure } from "../kind.ts";
import { defineKind, textField, timeField } from "./define-kind.ts";

const EARLIEST = parseTime("0001-01-01T00:00:00Z");
const LATEST: Micros = parseTime("9999-12-31T23:00:00Z") + HOUR;

const payload = z
  .strictObject({
    pair: textField(parseStoredPair).nullable().default(null),
    from: timeField.default(EARLIEST),
    to: timeField.default(LATEST),
    repair: z.boolean().default(false),
  })
  .refine(({ from, to }) => from < to, { path: ["from"], message: "is not before to" });

/** Compares rollups with the trades, as `stellarindex rollups verify` does. Differences that are left are a failure. */
export const rollupsVerify = defineKind(
  { name: "rollups.verify", description: "compare the rollups with the trades; fields pair, from, to, repair" },
  payload,
  async ({ pair, from, to, repair }, { database }, signal) => {
    const range = { pair, from: floorTo(from, HOUR), to: ceilTo(to, HOUR) };
    const { trades, differences, left } = await verifyRollups(database, range, {
      repair,
      signal,
      onDifference: () => {},
      onProgress: () => {},
    });
    signal.throwIfAborted();
    if (left > 0) {
      throw new PermanentFailure(
        `${left} rollups differ from the trades; see: stellarindex rollups verify, and repair them with --repair`,
      );
    }
    return { trades, differences, repaired: differences - left };
  },
);
