import type { Asset } from "../../canonical/asset.ts";
import { type Bucket, HOUR, splitBucket } from "../../canonical/bucket.ts";
import { type Decimal, parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { floorTo, type Micros } from "../../canonical/time.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { type Ended, readOnly } from "../connection/read-only.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { type Horizons, requireRows } from "../retention/horizons.ts";
import { pairsAfter } from "./traded-pairs.ts";

export interface MarketsQuestion {
  /** Period of the volumes. It ends on a whole minute; later trades are not read. */
  readonly period: Bucket;
  /** The page begins after this pair; null for the first page. */
  readonly after: Pair | null;
  readonly limit: number;
}

/** A stored pair over all sources. */
export interface Market {
  readonly pair: Pair;
  readonly lastTrade: { readonly ts: Micros; readonly price: Decimal; readonly source: string };
  /** Over the period, as are the volumes. */
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
}

export interface MarketPage {
  /** In bytewise order of base and quote. */
  readonly markets: readonly Market[];
  /** `after` of the next page; null on the last one. */
  readonly next: Pair | null;
}

interface Row {
  base_asset: Asset;
  quote_asset: Asset;
  ts: string | null;
  price: string | null;
  source: string | null;
  trade_count: string;
  base_volume: string;
  quote_volume: string;
}

/**
 * Reads a page of the pairs with trades before the period's end, from rollups.
 * @throws RawDataExpired if retention has removed rollups of the period
 * @throws ClockAhead, ReplayBehind if the period has not ended, see `readOnly`
 */
export function readMarkets(database: Database, question: MarketsQuestion, ended?: Ended): Promise<MarketPage> {
  const { period, after, limit } = question;
  const { headMinutes, hours, tailMinutes } = splitBucket(period);
  const runningHour = { from: floorTo(period.to, HOUR), to: period.to };
  const read = async (transaction: Sql, horizons: Horizons): Promise<MarketPage> => {
    requireRows(horizons, {
      minutes: [headMinutes, tailMinutes, runningHour],
      hours: [hours],
    });
    const rows = await transaction<Row[]>`
      WITH RECURSIVE ${pairsAfter(transaction, after, limit + 1)}
      SELECT
        page.base_asset, page.quote_asset,
        (extract(epoch FROM last.ts) * 1000000)::bigint::text AS ts, last.price::text AS price, last.source,
        volumes.trade_count::text AS trade_count, volumes.base_volume::text AS base_volume,
        volumes.quote_volume::text AS quote_volume
      FROM page
      LEFT JOIN LATERAL (${lastTrade(transaction, runningHour)}) AS last ON true
      CROSS JOIN LATERAL (${volumes(transaction, period)}) AS volumes
      ORDER BY page.base_asset, page.quote_asset`;
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      markets: shown.flatMap(marketOf),
      next: rows.length > limit && last !== undefined ? pairOf(last) : null,
    };
  };
  return readOnly(database, read, ended);
}

/**
 * Selects the last trade before the period's end: from minutes of the current hour, or from the last hour before it.
 */
function lastTrade(sql: Sql, runningHour: Bucket) {
  const ofPage = sql`base_asset = page.base_asset AND quote_asset = page.quote_asset`;
  const hour = sql`${timestamptz(runningHour.from)}::timestamptz`;
  return sql`
    SELECT ts, source, price
    FROM (
      SELECT close_ts AS ts, source, close_trade_id AS trade_id, close_price AS price
      FROM trades_1m
      WHERE ${ofPage} AND bucket >= ${hour} AND bucket < ${timestamptz(runningHour.to)}::timestamptz
      UNION ALL
      SELECT close_ts, source, close_trade_id, close_price
      FROM trades_1h
      WHERE ${ofPage} AND bucket = (SELECT max(bucket) FROM trades_1h WHERE ${ofPage} AND bucket < ${hour})
    ) AS closing
    ORDER BY ts DESC, source DESC, length(trade_id) DESC, trade_id DESC
    LIMIT 1`;
}

function volumes(sql: Sql, period: Bucket) {
  const { headMinutes, hours, tailMinutes } = splitBucket(period);
  const rollups = (table: string, { from, to }: Bucket) => sql`
    SELECT trade_count, base_volume, quote_volume FROM ${sql(table)}
    WHERE base_asset = page.base_asset AND quote_asset = page.quote_asset
      AND bucket >= ${timestamptz(from)}::timestamptz AND bucket < ${timestamptz(to)}::timestamptz`;
  return sql`
    SELECT coalesce(sum(trade_count), 0) AS trade_count, coalesce(sum(base_volume), 0) AS base_volume,
      coalesce(sum(quote_volume), 0) AS quote_volume
    FROM (
      ${rollups("trades_1m", headMinutes)}
      UNION ALL ${rollups("trades_1h", hours)}
      UNION ALL ${rollups("trades_1m", tailMinutes)}
    ) AS rollups`;
}

/** Returns nothing for a pair whose trades are all after the period. */
function marketOf(row: Row): Market[] {
  if (row.ts === null || row.price === null || row.source === null) return [];
  return [
    {
      pair: pairOf(row),
      lastTrade: { ts: BigInt(row.ts), price: parseDecimal(row.price), source: row.source },
      tradeCount: Number(row.trade_count),
      baseVolume: parseDecimal(row.base_volume),
      quoteVolume: parseDecimal(row.quote_volume),
    },
  ];
}

function pairOf(row: Row): Pair {
  return { base: row.base_asset, quote: row.quote_asset };
}
