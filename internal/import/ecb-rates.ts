import type { EcbRate } from "../canonical/ecb-rates.ts";
import { InputError } from "../canonical/input-error.ts";
import type { Micros } from "../canonical/time.ts";
import { storedOrientations } from "../ingest/stored-orientations.ts";
import type { Policy } from "../policy/policy.ts";
import type { Database } from "../storage/connection/database.ts";
import { readOnly } from "../storage/connection/read-only.ts";
import { batchWriterFor } from "../storage/schema/chunked-writes.ts";
import type { FiledRow } from "./batch-writer.ts";
import { SkippedRow } from "./file-kind.ts";
import { notInTheFuture } from "./not-future.ts";
import { notRemoved } from "./not-removed.ts";
import { inOneOrientation } from "./one-orientation.ts";
import { rateFile } from "./rate-row.ts";

const SOURCE = "ecb";

/** How many rates were stored, were stored before, are stored with another rate, or could not be used. */
export interface ImportedRates {
  readonly new: number;
  readonly known: number;
  readonly conflicting: number;
  /** Of currencies that are no longer in use. */
  readonly skipped: number;
  readonly bad: number;
}

/** Stores rates as `import-fx` does: those that are stored already are not changed. */
export async function importEcbRates(
  database: Database,
  policy: Policy,
  rates: readonly EcbRate[],
  now: () => Micros,
): Promise<ImportedRates> {
  const completeFrom = await readOnly(database, async (_sql, horizons) => horizons.get("trades") ?? null);
  const { readRow } = notRemoved(notInTheFuture(rateFile(SOURCE), now), completeFrom);
  const counts = { skipped: 0, bad: 0 };
  const rows = rates.flatMap(({ date, quote, rate }, index): FiledRow[] => {
    try {
      return [{ ...readRow({ date, base: "EUR", quote, rate }), tradeId: date, line: index + 1 }];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      counts[error instanceof SkippedRow ? "skipped" : "bad"]++;
      return [];
    }
  });
  const write = inOneOrientation(await batchWriterFor(database, now), storedOrientations(database, policy, now));
  const { inserted, known, conflicting, inverted = [] } = await write(rows);
  return {
    new: inserted,
    known,
    conflicting: conflicting.length,
    skipped: counts.skipped,
    bad: counts.bad + inverted.length,
  };
}
