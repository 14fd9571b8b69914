import { type Bucket, HOUR } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { ceilTo, earlierOf, floorTo, laterOf, type Micros } from "../../canonical/time.ts";
import type { Database } from "../connection/database.ts";
import { readOnly } from "../connection/read-only.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { splitByChunks } from "../schema/chunks.ts";
import { isHypertable } from "../schema/timescale.ts";
import { storedPairs } from "../trades/stored-pairs.ts";
import { compareRollups, type RollupDifference, type RollupRange } from "./compare.ts";
import { repairRollups } from "./repair.ts";

export interface VerifyOptions {
  /** Whether to recompute hours with differences. */
  readonly repair: boolean;
  /** Stops the work between two batches. */
  readonly signal: AbortSignal;
  /** Called with every difference, before a repair. */
  readonly onDifference: (difference: RollupDifference) => void;
  /** Called with the progress from 0 to 1. */
  readonly onProgress: (done: number) => void;
}

export interface Verified {
  /** Horizon of raw trades, before which nothing is compared; null if none was ever removed. */
  readonly completeFrom: Micros | null;
  readonly trades: number;
  readonly differences: number;
  /** Remaining differences: all without `repair`, else those that it did not remove. */
  readonly left: number;
  readonly isInterrupted: boolean;
}

// Rows per batch, which is one statement: a few seconds at most, and sortable in the server's memory.
const MOST_ROWS = 200_000;
const DAY = 24n * HOUR;
/** Batches of more than a day are used only after a count has shown that they have few trades. */
const LONGEST_BATCH = 32n * DAY;
const COMPARED = ["trades", "trades_1m", "trades_1h"];

/**
 * Compares the rollups of a range with the trades, in batches of whole hours. May run concurrently with writers; see
 * {@link compareRollups}.
 */
export async function verifyRollups(database: Database, range: RollupRange, options: VerifyOptions): Promise<Verified> {
  const completeFrom = await readOnly(database, async (_sql, horizons) => horizons.get("trades") ?? null);
  const total = { completeFrom, trades: 0, differences: 0, left: 0, isInterrupted: false };
  const from = completeFrom === null ? range.from : laterOf(range.from, ceilTo(completeFrom, HOUR));
  if (from >= range.to) return total;
  const { parts, findRows } = await planOf(database, { ...range, from });
  const whole = Number(parts.reduce((sum, part) => sum + part.to - part.from, 0n));
  let before = 0;
  // Adapts to the density of rows; each part starts with the span that the last one ended with.
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

/** Returns the whole hours from the first to the last in which a range may have rows; null if it has none. */
type FindRows = (range: RollupRange) => Promise<Bucket | null>;

/**
 * Splits the range into parts, and returns how to find the rows of a part. Ordinary tables are read pair by pair, as
 * their index has pair and time. Hypertables are read by time for all pairs, and the chunks show where rows can be.
 */
async function planOf(
  database: Database,
  range: RollupRange,
): Promise<{ readonly parts: readonly RollupRange[]; readonly findRows: FindRows }> {
  const { sql } = database;
  if (await isHypertable(sql, "trades")) {
    const stretches = await splitByChunks(sql, COMPARED, range);
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
        WHERE ts >= ${timestamptz(from)}::timestamptz AND ts <= ${timestamptz(to - 1n)}::timestamptz
          ${pair === null ? sql`` : sql`AND base_asset = ${pair.base} AND quote_asset = ${pair.quote}`}
        LIMIT ${String(MOST_ROWS)}::text::bigint
      ) AS few`;
    return row?.many ?? false;
  });
}

/** Returns the whole hours from the first to the last row of the range; null if it has none. */
function extentOf(database: Database, { pair, from, to }: RollupRange): Promise<Bucket | null> {
  return readOnly(database, async (sql) => {
    const ends = (table: string, column: "ts" | "bucket") => sql`
      SELECT min(${sql(column)}) AS first, max(${sql(column)}) AS last FROM ${sql(table)}
      WHERE ${sql(column)} >= ${timestamptz(from)}::timestamptz AND ${sql(column)} <= ${timestamptz(to - 1n)}::timestamptz
        ${pair === null ? sql`` : sql`AND base_asset = ${pair.base} AND quote_asset = ${pair.quote}`}`;
    const [row] = await sql<{ first: string | null; last: string | null }[]>`
      SELECT (extract(epoch FROM min(first)) * 1000000)::bigint::text AS first,
        (extract(epoch FROM max(last)) * 1000000)::bigint::text AS last
      FROM (${ends("trades", "ts")} UNION ALL ${ends("trades_1m", "bucket")} UNION ALL ${ends("trades_1h", "bucket")}) AS ends`;
    if (row?.first == null || row.last === null) return null;
    return { from: floorTo(BigInt(row.first), HOUR), to: ceilTo(BigInt(row.last) + 1n, HOUR) };
  });
}

/** Repairs the hours with differences; returns the number of remaining differences. */
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
