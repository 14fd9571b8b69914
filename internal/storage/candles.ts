import type { CandleSums } from "../aggregate/candles.ts";
import type { Bucket } from "../canonical/bucket.ts";
import { parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { earlierOf, floorTo, type Micros, seconds } from "../canonical/time.ts";
import type { Database, Sql } from "./database.ts";
import { requireRows } from "./horizons.ts";
import { moment } from "./moment.ts";
import { readOnly } from "./read-only.ts";

const HOUR_SECONDS = 3600;

export interface CandleQuestion {
  /** Pairs whose trades count together. */
  readonly pairs: readonly Pair[];
  /** Null means any. */
  readonly sources: readonly string[] | null;
  /** Whole minutes. */
  readonly intervalSeconds: number;
  /** On the grid of the interval. */
  readonly range: Bucket;
  /** How many intervals a page spans at most, from its first candle on. */
  readonly limit: number;
}

export interface CandlePage {
  /** In time order; intervals without trades are left out. */
  readonly candles: readonly CandleSums[];
  /** Where the first candle after the page begins; null where there is none. */
  readonly next: Micros | null;
}

/**
 * The first candles of a range, added up from rollups: hours where the interval is of whole hours, else minutes.
 * @throws RawDataExpired where the rollups no longer reach back to the range
 */
export function readCandles(database: Database, question: CandleQuestion): Promise<CandlePage> {
  const { intervalSeconds, range, limit } = question;
  const interval = seconds(intervalSeconds);
  return readOnly(database, async (transaction, horizons) => {
    const kind = kindOf(intervalSeconds);
    requireRows(horizons, { [kind]: [range] });
    const first = await firstRollup(transaction, question, range);
    if (first === null) return { candles: [], next: null };
    const from = floorTo(first, interval);
    const to = earlierOf(range.to, from + interval * BigInt(limit));
    const candles = await sumCandles(transaction, question, { from, to });
    const following = await firstRollup(transaction, question, { from: to, to: range.to });
    return { candles, next: following === null ? null : floorTo(following, interval) };
  });
}

function kindOf(intervalSeconds: number): "hours" | "minutes" {
  return intervalSeconds % HOUR_SECONDS === 0 ? "hours" : "minutes";
}

async function firstRollup(sql: Sql, question: CandleQuestion, range: Bucket): Promise<Micros | null> {
  const [row] = await sql<{ bucket: string | null }[]>`
    SELECT (extract(epoch FROM min(rollup.bucket)) * 1000000)::bigint::text AS bucket
    FROM ${rollupsOf(sql, question, range, sql`ORDER BY bucket LIMIT 1`)}`;
  return row?.bucket == null ? null : BigInt(row.bucket);
}

async function sumCandles(sql: Sql, question: CandleQuestion, range: Bucket): Promise<CandleSums[]> {
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
    FROM (
      SELECT rollup.*,
        date_bin(make_interval(secs => ${question.intervalSeconds}::int), rollup.bucket,
          timestamptz '1970-01-01 00:00:00+00') AS candle
      FROM ${rollupsOf(sql, question, range)}
    ) AS rollups
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

/** The rollups that count, as `rollup`; `ending` goes behind each pair's. */
function rollupsOf(sql: Sql, question: CandleQuestion, { from, to }: Bucket, ending = sql``) {
  const { pairs, sources, intervalSeconds } = question;
  const table = kindOf(intervalSeconds) === "hours" ? "trades_1h" : "trades_1m";
  return sql`
    unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[]) AS pair (base, quote)
    CROSS JOIN LATERAL (
      SELECT * FROM ${sql(table)}
      WHERE base_asset = pair.base AND quote_asset = pair.quote
        AND bucket >= ${moment(from)}::timestamptz AND bucket < ${moment(to)}::timestamptz
        ${sources === null ? sql`` : sql`AND source = ANY(${sources as string[]}::text[])`}
      ${ending}
    ) AS rollup`;
}
