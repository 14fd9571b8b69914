import type { Bucket } from "../../canonical/bucket.ts";
import { parseDecimal, ZERO } from "../../canonical/decimal.ts";
import { formatTime, type Micros } from "../../canonical/time.ts";
import type { PriceStatistics } from "../../policy/reader.ts";
import { RawDataExpired } from "../connection/errors.ts";
import type { Sql } from "../connection/pool.ts";
import { type Horizons, missingRows } from "../retention/horizons.ts";
import { type Cover, coverOf } from "./cover.ts";
import { inRange, type Range, unnestRanges } from "./ranges.ts";
import type { WeightedSelection } from "./volume-weighted-medians.ts";

/**
 * Reads Σq, Σq·p and Σq·p² from rollups, or from trades if the rollups lack them. See
 * {@link TradeReader.weightedStatistics}.
 * @throws RawDataExpired if the rollups lack them and retention has removed trades of the bucket
 */
export async function readWeightedStatistics(
  sql: Sql,
  horizons: Horizons,
  now: Micros,
  trades: WeightedSelection,
): Promise<PriceStatistics> {
  const { bucket } = trades;
  const fromRollups = await readSums(sql, trades, coverOf(bucket, horizons, now));
  if (fromRollups !== null) return fromRollups;
  const missing = missingRows(horizons, { trades: [bucket] });
  const whole = { hours: [], minutes: { plus: [], minus: [] }, trades: { plus: [bucket], minus: [] } };
  const fromTrades = missing === null ? await readSums(sql, trades, whole) : null;
  if (fromTrades !== null) return fromTrades;
  throw new RawDataExpired(
    `rollups from ${formatTime(bucket.from)} to ${formatTime(bucket.to)} are older than migration 6 and lack sums weighted by quote volume; ${missing?.message}`,
  );
}

/** Returns the sums over a cover; null if a rollup lacks them. */
async function readSums(
  sql: Sql,
  { pairs, sources }: WeightedSelection,
  cover: Cover,
): Promise<PriceStatistics | null> {
  const rangesOf = (stretches: readonly Bucket[]): Range[] =>
    stretches.flatMap((stretch) => pairs.map((pair) => ({ part: 0, pair, ...stretch })));
  const branches = [
    rollupRows(sql, "trades_1h", rangesOf(cover.hours), 1),
    rollupRows(sql, "trades_1m", rangesOf(cover.minutes.plus), 1),
    rollupRows(sql, "trades_1m", rangesOf(cover.minutes.minus), -1),
    tradeRows(sql, rangesOf(cover.trades.plus), 1),
    tradeRows(sql, rangesOf(cover.trades.minus), -1),
  ].flat();
  if (branches.length === 0) return { weight: ZERO, sum: ZERO, squareSum: ZERO };
  // Sources are compared here: inside the lookups each would be a lookup of its own.
  const [row] = await sql<{ weight: string; sum: string; square_sum: string; is_known: boolean }[]>`
    SELECT coalesce(sum(sign * weight), 0)::text AS weight, coalesce(sum(sign * weighted), 0)::text AS sum,
      coalesce(sum(sign * square), 0)::text AS square_sum, count(*) = count(weighted) AS is_known
    FROM (${branches.reduce((all, branch) => sql`${all} UNION ALL ${branch}`)}) AS part (
      source, sign, weight, weighted, square
    )
    WHERE source = ANY(${sources as string[]}::text[])`;
  if (row?.is_known !== true) return null;
  return { weight: parseDecimal(row.weight), sum: parseDecimal(row.sum), squareSum: parseDecimal(row.square_sum) };
}

// OFFSET 0 keeps one index lookup per range.
function rollupRows(sql: Sql, table: "trades_1h" | "trades_1m", ranges: readonly Range[], sign: 1 | -1) {
  if (ranges.length === 0) return [];
  return [
    sql`
    SELECT row.source, ${String(sign)}::text::int, row.quote_volume, row.quote_price_sum, row.quote_price_square_sum
    FROM ${unnestRanges(sql, ranges)}
    CROSS JOIN LATERAL (
      SELECT source, quote_volume, quote_price_sum, quote_price_square_sum
      FROM ${sql(table)} WHERE ${inRange(sql, "bucket", ranges)} OFFSET 0
    ) AS row`,
  ];
}

function tradeRows(sql: Sql, ranges: readonly Range[], sign: 1 | -1) {
  if (ranges.length === 0) return [];
  return [
    sql`
    SELECT row.source, ${String(sign)}::text::int, row.quote_amount, row.quote_amount * row.price,
      row.quote_amount * row.price * row.price
    FROM ${unnestRanges(sql, ranges)}
    CROSS JOIN LATERAL (
      SELECT source, quote_amount, price FROM trades WHERE ${inRange(sql, "ts", ranges)} OFFSET 0
    ) AS row`,
  ];
}
