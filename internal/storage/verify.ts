import { type Bucket, HOUR } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import { ceilTo, earlierOf, floorTo, laterOf, type Micros } from "../canonical/time.ts";
import { compareRollups, type RollupDifference, type RollupRange } from "./compare-rollups.ts";
import type { Database } from "./database.ts";
import { readHorizons } from "./horizons.ts";
import { moment } from "./moment.ts";
import { readOnly } from "./read-only.ts";
import { repairRollups } from "./repair.ts";
import { storedPairs } from "./stored-pairs.ts";
import { isHypertable } from "./timescale.ts";

export interface VerifyOptions {
  /** Counts anew what differs. */
  readonly repair: boolean;
  /** Ends the work between two batches. */
  readonly signal: AbortSignal;
  /** Told every difference, and what is left of it after a repair. */
  readonly onDifference: (difference: RollupDifference) => void;
  /** How much is done, from 0 to 1. */
  readonly onProgress: (done: number) => void;
}

export interface Verified {
  /** Raw trades are complete from here on, and what lies before it is left alone; null: nothing was ever removed. */
  readonly completeFrom: Micros | null;
  readonly trades: number;
  readonly differences: number;
  /** Differences that a repair was not asked for, or did not cure. */
  readonly left: number;
  readonly isInterrupted: boolean;
}

// A batch is one statement and one snapshot: a few seconds at most, and memory of the server to sort it.
const MOST_ROWS = 200_000;
const LONGEST_BATCH = 24n * HOUR;

/**
 * Compares rollups with what the trades say, from `range.from` to `range.to` or as far as there are rows, in batches of
 * whole hours. It may run beside writers: see {@link compareRollups}.
 */
export async function verifyRollups(database: Database, range: RollupRange, options: VerifyOptions): Promise<Verified> {
  const completeFrom = (await readHorizons(database.sql)).get("trades") ?? null;
  const total = { completeFrom, trades: 0, differences: 0, left: 0, isInterrupted: false };
  const from = completeFrom === null ? range.from : laterOf(range.from, ceilTo(completeFrom, HOUR));
  const parts = from < range.to ? await partsOf(database, { ...range, from }) : [];
  for (const [index, part] of parts.entries()) {
    for await (const { trades, differences, done } of compareInBatches(database, part)) {
      for (const difference of differences) options.onDifference(difference);
      total.trades += trades;
      total.differences += differences.length;
      total.left += options.repair ? await repair(database, part, differences) : differences.length;
      options.onProgress((index + done) / parts.length);
      total.isInterrupted = options.signal.aborted;
      if (total.isInterrupted) return total;
    }
  }
  return total;
}

/** An index leads from a pair to its times; only hypertables also find the rows of all pairs by time. */
async function partsOf({ sql }: Database, range: RollupRange): Promise<RollupRange[]> {
  if (range.pair !== null || (await isHypertable(sql, "trades"))) return [range];
  const pairs = await storedPairs(sql, ["trades", "trades_1m", "trades_1h"]);
  return pairs.map((pair) => ({ ...range, pair }));
}

async function* compareInBatches(database: Database, range: RollupRange) {
  let extent = await extentOf(database, range);
  if (extent === null) return;
  const { from: start, to: end } = extent;
  let span = HOUR;
  for (let from = start; from < end; ) {
    const to = earlierOf(from + span, end);
    const { rows, ...compared } = await compareRollups(database, { ...range, from, to });
    yield { ...compared, done: Number(to - start) / Number(end - start) };
    if (rows > MOST_ROWS) span = ceilTo(span / 2n, HOUR);
    else if (rows < MOST_ROWS / 4) span = earlierOf(2n * span, LONGEST_BATCH);
    if (rows > 0) from = to;
    else {
      extent = await extentOf(database, { ...range, from: to, to: end });
      from = extent?.from ?? end;
    }
  }
}

/** The whole hours from the first to the last row of the range, or null where there is none. */
function extentOf(database: Database, { pair, from, to }: RollupRange): Promise<Bucket | null> {
  return readOnly(database, async (sql) => {
    const ends = (table: string, column: "ts" | "bucket") => sql`
      SELECT min(${sql(column)}) AS first, max(${sql(column)}) AS last FROM ${sql(table)}
      WHERE ${sql(column)} >= ${moment(from)}::timestamptz AND ${sql(column)} <= ${moment(to - 1n)}::timestamptz
        ${pair === null ? sql`` : sql`AND base_asset = ${pair.base} AND quote_asset = ${pair.quote}`}`;
    const [row] = await sql<{ first: string | null; last: string | null }[]>`
      SELECT (extract(epoch FROM min(first)) * 1000000)::bigint::text AS first,
        (extract(epoch FROM max(last)) * 1000000)::bigint::text AS last
      FROM (${ends("trades", "ts")} UNION ALL ${ends("trades_1m", "bucket")} UNION ALL ${ends("trades_1h", "bucket")}) AS ends`;
    if (row?.first == null || row.last === null) return null;
    return { from: floorTo(BigInt(row.first), HOUR), to: ceilTo(BigInt(row.last) + 1n, HOUR) };
  });
}

/** Returns how many differences are left. */
async function repair(
  database: Database,
  { pair }: { pair: Pair | null },
  differences: readonly RollupDifference[],
): Promise<number> {
  if (differences.length === 0) return 0;
  await repairRollups(database, differences);
  const hours = differences.map(({ bucket }) => floorTo(bucket, HOUR));
  const sorted = hours.sort((a, b) => Number(a - b));
  const { differences: left } = await compareRollups(database, {
    pair,
    from: sorted.at(0) ?? 0n,
    to: (sorted.at(-1) ?? 0n) + HOUR,
  });
  return left.length;
}
