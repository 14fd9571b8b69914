import type { Bucket } from "../../canonical/bucket.ts";
import { type Decimal, parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { type Micros, seconds } from "../../canonical/time.ts";
import type { LastTrade, PriceSelection, TimeWeightedSelection, TimeWeightedSums } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { type Horizons, requireRows } from "../retention/horizons.ts";
import { lastSelectedTrade, selectedTrades } from "../trades/selected-trades.ts";

/** Sums over the trades of a bucket, and the time of the first trade. */
interface BucketSums extends TimeWeightedSums {
  readonly first: Micros | null;
}

/** Computes Σ price·Δt and Σ Δt over the selected trades of the bucket. See {@link TradeReader.timeWeighted}. */
export async function readTimeWeighted(
  sql: Sql,
  horizons: Horizons,
  pairs: readonly Pair[],
  bucket: Bucket,
  { carrySeconds, ...selection }: TimeWeightedSelection,
): Promise<TimeWeightedSums> {
  requireRows(horizons, { trades: [bucket] });
  const before = { from: bucket.from - seconds(carrySeconds), to: bucket.from };
  const carries = selection.filter !== null && carrySeconds > 0;
  const [{ first, ...sums }, carried] = await Promise.all([
    sumOver(sql, pairs, bucket, selection),
    carries ? lastSelectedTrade(sql, pairs, before, selection) : null,
  ]);
  if (!carries) return sums;
  // Trades before the carried one are not needed.
  requireRows(horizons, { trades: [{ from: carried?.ts ?? before.from, to: bucket.from }] });
  if (carried === null) return sums;
  const stands = (first ?? bucket.to) - bucket.from;
  return {
    weightedSum: sums.weightedSum.plus(carried.price.times(whole(stands))),
    duration: sums.duration + stands,
    tradeCount: sums.tradeCount,
  };
}

async function sumOver(
  sql: Sql,
  pairs: readonly Pair[],
  bucket: Bucket,
  selection: PriceSelection,
): Promise<BucketSums> {
  const [row] = await sql<{ weighted_sum: string; duration: string; trade_count: string; first: string | null }[]>`
    SELECT coalesce(sum(price * stands), 0)::text AS weighted_sum, coalesce(sum(stands), 0)::bigint::text AS duration,
      count(*)::text AS trade_count, (extract(epoch FROM min(ts)) * 1000000)::bigint::text AS first
    FROM (
      SELECT trade.price, trade.ts,
        (extract(epoch FROM lead(trade.ts, 1, ${timestamptz(bucket.to)}::timestamptz) OVER (
          ORDER BY trade.ts, trade.source, length(trade.trade_id), trade.trade_id, trade.base_asset, trade.quote_asset
        )) - extract(epoch FROM trade.ts)) * 1000000 AS stands
      FROM ${selectedTrades(sql, pairs, bucket, selection)}
    ) AS prices`;
  return {
    weightedSum: parseDecimal(row?.weighted_sum ?? "0"),
    duration: BigInt(row?.duration ?? "0"),
    tradeCount: Number(row?.trade_count ?? "0"),
    first: row?.first == null ? null : BigInt(row.first),
  };
}

/** Reads the last selected trade of the bucket. See {@link TradeReader.lastTrade}. */
export async function readLastTrade(
  sql: Sql,
  horizons: Horizons,
  pairs: readonly Pair[],
  bucket: Bucket,
  selection: PriceSelection,
): Promise<LastTrade | null> {
  requireRows(horizons, { trades: [bucket] });
  return lastSelectedTrade(sql, pairs, bucket, selection);
}

function whole(duration: Micros): Decimal {
  return parseDecimal(duration.toString());
}
