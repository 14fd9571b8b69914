import type { PendingQuery, Row as PgRow } from "postgres";
import type { Bucket } from "../../canonical/bucket.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { earlierOf, floorTo, type Micros, seconds } from "../../canonical/time.ts";
import type { CandlePage, CandleQuery, CandleSums, CandleTotals } from "../../policy/candles/candles.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { type Horizons, requireRows } from "../retention/horizons.ts";
import { formingPrices, type PricesRow, pricesFrom, pricesOfGroup } from "./forming-prices.ts";
import { parseSums, type SumsRow } from "./sums-row.ts";

const HOUR_SECONDS = 3600;

/** Aggregates rollups to candles in time order. */
type SumCandles<Sums> = (sql: Sql, rollups: PendingQuery<PgRow[]>) => Promise<Sums[]>;

/**
 * Reads the first candles of a range from rollups: hours if the interval is a multiple of an hour, else minutes. All
 * trades count for their prices.
 * @throws RawDataExpired if retention has removed rollups of the range
 */
export function readRawCandles(sql: Sql, horizons: Horizons, question: CandleQuery): Promise<CandlePage> {
  return readPage(sql, horizons, question, sumCandles);
}

/** Reads the same candles with the sums that a price filter needs. See {@link TradeReader.candles}. */
export function readCandleTotals(
  sql: Sql,
  horizons: Horizons,
  question: CandleQuery,
): Promise<CandlePage<CandleTotals>> {
  return readPage(sql, horizons, question, totalCandles);
}

async function readPage<Sums>(
  sql: Sql,
  horizons: Horizons,
  question: CandleQuery,
  sumUp: SumCandles<Sums>,
): Promise<CandlePage<Sums>> {
  const { intervalSeconds, range, limit } = question;
  const interval = seconds(intervalSeconds);
  requireRows(horizons, { [kindOf(intervalSeconds)]: [range] });
  const first = await firstRollup(sql, question, range);
  if (first === null) return { candles: [], next: null };
  const from = floorTo(first, interval);
  const to = earlierOf(range.to, from + interval * BigInt(limit));
  const candles = await sumUp(sql, rollupsInCandles(sql, question, { from, to }));
  const following = await firstRollup(sql, question, { from: to, to: range.to });
  return { candles, next: following === null ? null : floorTo(following, interval) };
}

function kindOf(intervalSeconds: number): "hours" | "minutes" {
  return intervalSeconds % HOUR_SECONDS === 0 ? "hours" : "minutes";
}

async function firstRollup(sql: Sql, question: CandleQuery, range: Bucket): Promise<Micros | null> {
  const [row] = await sql<{ bucket: string | null }[]>`
    SELECT (extract(epoch FROM min(rollup.bucket)) * 1000000)::bigint::text AS bucket
    FROM ${rollupsOf(sql, question, range, sql`ORDER BY bucket LIMIT 1`)}`;
  return row?.bucket == null ? null : BigInt(row.bucket);
}

async function sumCandles(sql: Sql, rollups: PendingQuery<PgRow[]>): Promise<CandleSums[]> {
  const rows = await sql<
    {
      from: string;
      open: string;
      high: string;
      low: string;
      close: string;
      base_volume: string;
      quote_volume: string;
      trade_count: string;
    }[]
  >`
    SELECT
      (extract(epoch FROM candle) * 1000000)::bigint::text AS from,
      (array_agg(open_price ORDER BY open_ts, source, length(open_trade_id), open_trade_id, base_asset, quote_asset)
      )[1]::text AS open,
      max(price_max)::text AS high,
      min(price_min)::text AS low,
      (array_agg(close_price ORDER BY close_ts DESC, source DESC, length(close_trade_id) DESC, close_trade_id DESC,
        base_asset DESC, quote_asset DESC)
      )[1]::text AS close,
      sum(base_volume)::text AS base_volume,
      sum(quote_volume)::text AS quote_volume,
      sum(trade_count)::text AS trade_count
    FROM (${rollups}) AS rollups
    GROUP BY candle
    ORDER BY candle`;
  return rows.map((row) => ({
    from: BigInt(row.from),
    open: parseDecimal(row.open),
    high: parseDecimal(row.high),
    low: parseDecimal(row.low),
    close: parseDecimal(row.close),
    baseVolume: parseDecimal(row.base_volume),
    quoteVolume: parseDecimal(row.quote_volume),
    tradeCount: Number(row.trade_count),
  }));
}

async function totalCandles(sql: Sql, rollups: PendingQuery<PgRow[]>): Promise<CandleTotals[]> {
  const rows = await sql<TotalsRow[]>`
    SELECT
      (extract(epoch FROM candle) * 1000000)::bigint::text AS from,
      sum(trade_count)::text AS trade_count, sum(base_volume)::text AS base_volume,
      sum(quote_volume)::text AS quote_volume, sum(price_sum)::text AS price_sum,
      sum(price_square_sum)::text AS price_square_sum, min(price_min)::text AS price_min,
      max(price_max)::text AS price_max,
      CASE WHEN count(*) = count(imprecise_count) THEN sum(imprecise_count) END::text AS imprecise_count,
      ${pricesOfGroup(sql)}
    FROM (SELECT *, ${formingPrices(sql)} FROM (${rollups}) AS rollup) AS rollups
    GROUP BY candle
    ORDER BY candle`;
  return rows.map((row) => ({
    from: BigInt(row.from),
    ...parseSums(row),
    priceMin: parseDecimal(row.price_min),
    priceMax: parseDecimal(row.price_max),
    impreciseCount: row.imprecise_count === null ? null : Number(row.imprecise_count),
    prices: row.imprecise_count === null ? null : pricesFrom(row),
  }));
}

interface TotalsRow extends PricesRow, SumsRow {
  readonly from: string;
  readonly price_min: string;
  readonly price_max: string;
  readonly imprecise_count: string | null;
}

/** Selects the rollups of the range with the start of their candle. */
function rollupsInCandles(sql: Sql, question: CandleQuery, range: Bucket) {
  return sql`
    SELECT rollup.*,
      date_bin(make_interval(secs => ${question.intervalSeconds}::int), rollup.bucket,
        timestamptz '1970-01-01 00:00:00+00') AS candle
    FROM ${rollupsOf(sql, question, range)}`;
}

/** A FROM item: the rollups of the range as `rollup`; `ending` (ORDER BY, LIMIT) applies to each pair. */
function rollupsOf(sql: Sql, question: CandleQuery, { from, to }: Bucket, ending = sql``) {
  const { pairs, sources, intervalSeconds } = question;
  const table = kindOf(intervalSeconds) === "hours" ? "trades_1h" : "trades_1m";
  return sql`
    unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[]) AS pair (base, quote)
    CROSS JOIN LATERAL (
      SELECT * FROM ${sql(table)}
      WHERE base_asset = pair.base AND quote_asset = pair.quote
        AND bucket >= ${timestamptz(from)}::timestamptz AND bucket < ${timestamptz(to)}::timestamptz
        ${sources === null ? sql`` : sql`AND source = ANY(${sources as string[]}::text[])`}
      ${ending}
    ) AS rollup`;
}
