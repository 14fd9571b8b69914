import { type Bucket, HOUR } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import { ceilTo, earlierOf, floorTo, laterOf, type Micros } from "../canonical/time.ts";
import { stretchesOf } from "./chunks.ts";
import { compareRollups, type RollupDifference, type RollupRange } from "./compare-rollups.ts";
import type { Database } from "./database.ts";
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
const DAY = 24n * HOUR;
/** Only where there are few rows: longer than a day is a batch of which that was counted before. */
const LONGEST_BATCH = 32n * DAY;
const COMPARED = ["trades", "trades_1m", "trades_1h"];

/**
 * Compares rollups with what the trades say, from `range.from` to `range.to` or as far as there are rows, in batches of
 * whole hours. It may run beside writers: see {@link compareRollups}.
 */
export async function verifyRollups(database: Database, range: RollupRange, options: VerifyOptions): Promise<Verified> {
  const completeFrom = await readOnly(database, async (_sql, horizons) => horizons.get("trades") ?? null);
  const total = { completeFrom, trades: 0, differences: 0, left: 0, isInterrupted: false };
  const from = completeFrom === null ? range.from : laterOf(range.from, ceilTo(completeFrom, HOUR));
  if (from >= range.to) return total;
  const { parts, findRows } = await planOf(database, { ...range, from });
  const whole = Number(parts.reduce((sum, part) => sum + part.to - part.from, 0n));
  let before = 0;
  // Longer or shorter as rows are few or many; the next part begins as the last one ended.
  const batch = { span: HOUR };
  for (const part of parts) {
    const length = Number(part.to - part.from);
    for await (const { trades, differences, done } of compareInBatches(database, part, findRows, batch)) {
      for (const difference of differences) options.onDifference(difference);
      total.trades += trades;
      total.differences += differences.length;
      total.left += options.repair ? await repair(database, part, differences) : differences.length;
      options.onProgress((before + done * length) / whole);
      total.isInterrupted = options.signal.aborted;
      if (total.isInterrupted) return total;
    }
    before += length;
  }
  return total;
}

/** The first whole hours to the last in which a range has rows, or may have some; null where it has none. */
type FindRows = (range: RollupRange) => Promise<Bucket | null>;

/**
 * The parts to compare one after the other, and where there are rows in them. On ordinary tables an index leads from a pair to
 * its times. On hypertables the rows of all pairs are found by time, and chunks tell where there may be some.
 */
async function planOf(
  database: Database,
  range: RollupRange,
): Promise<{ readonly parts: readonly RollupRange[]; readonly findRows: FindRows }> {
  const { sql } = database;
  if (await isHypertable(sql, "trades")) {
    const stretches = await stretchesOf(sql, COMPARED, range);
    return { parts: stretches.map((stretch) => ({ ...range, ...stretch })), findRows: async (part) => part };
  }
  const findRows: FindRows = (part) => extentOf(database, part);
  if (range.pair !== null) return { parts: [range], findRows };
  const pairs = await storedPairs(sql, COMPARED);
  return { parts: pairs.map((pair) => ({ ...range, pair })), findRows };
}

async function* compareInBatches(database: Database, range: RollupRange, findRows: FindRows, batch: { span: Micros }) {
  let extent = await findRows(range);
  if (extent === null) return;
  const { from: start, to: end } = extent;
  for (let from = start; from < end; ) {
    const longest = { ...range, from, to: earlierOf(from + batch.span, end) };
    if (batch.span > DAY && (await hasManyTrades(database, longest))) batch.span = DAY;
    const to = earlierOf(from + batch.span, end);
    const { rows, ...compared } = await compareRollups(database, { ...range, from, to });
    yield { ...compared, done: Number(to - start) / Number(end - start) };
    if (rows > MOST_ROWS) batch.span = ceilTo(batch.span / 2n, HOUR);
    else if (rows < MOST_ROWS / 4) batch.span = earlierOf(2n * batch.span, LONGEST_BATCH);
    if (rows > 0) from = to;
    else {
      extent = await findRows({ ...range, from: to, to: end });
      from = extent?.from ?? end;
    }
  }
}

function hasManyTrades(database: Database, { pair, from, to }: RollupRange): Promise<boolean> {
  return readOnly(database, async (sql) => {
    const [row] = await sql<{ many: boolean }[]>`
      SELECT count(*) = ${String(MOST_ROWS)}::text::bigint AS many FROM (
        SELECT FROM trades
        WHERE ts >= ${moment(from)}::timestamptz AND ts <= ${moment(to - 1n)}::timestamptz
          ${pair === null ? sql`` : sql`AND base_asset = ${pair.base} AND quote_asset = ${pair.quote}`}
        LIMIT ${String(MOST_ROWS)}::text::bigint
      ) AS few`;
    return row?.many ?? false;
  });
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
