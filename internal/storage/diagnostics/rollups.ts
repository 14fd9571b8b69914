import type { Bucket } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { type Micros, seconds } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";

/** The last trade of a market, and whether its minute and hour rollups include it. */
export interface LastTrade {
  readonly pair: Pair;
  readonly source: string;
  readonly ts: Micros;
  readonly inMinutes: boolean;
  readonly inHours: boolean;
}

/** Returns the triggers of trades that are missing or disabled. */
export async function readDisabledTriggers(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT name FROM unnest(ARRAY['trades_keep_rollups', 'trades_append_only']) AS name
    WHERE NOT EXISTS (
      SELECT FROM pg_trigger
      WHERE tgrelid = 'public.trades'::regclass AND tgname = name AND tgenabled IN ('O', 'A')
    )
    ORDER BY name`;
  return rows.map(({ name }) => name);
}

/**
 * Reads the last trade of each market in the period and whether the rollups include it. One statement, so that all is
 * from one snapshot.
 * @param period ends now, since a trade dated in the future does not show that its source still writes
 */
export async function readLastTrades(sql: Sql, markets: readonly Pair[], period: Bucket): Promise<LastTrade[]> {
  const { from: since, to } = period;
  const rows = await sql<
    { base: string; quote: string; source: string; ts: string; in_minutes: boolean; in_hours: boolean }[]
  >`
    SELECT market.base, market.quote, last.source, (extract(epoch FROM last.ts) * 1000000)::bigint::text AS ts,
      EXISTS (
        SELECT FROM trades_1m AS minute
        WHERE minute.base_asset = market.base AND minute.quote_asset = market.quote AND minute.source = last.source
          AND minute.bucket = date_bin('1 minute', last.ts, timestamptz '1970-01-01 00:00:00+00')
          AND minute.close_ts >= last.ts AND minute.bucket > ${timestamptz(since - seconds(60))}::timestamptz
      ) AS in_minutes,
      EXISTS (
        SELECT FROM trades_1h AS hour
        WHERE hour.base_asset = market.base AND hour.quote_asset = market.quote AND hour.source = last.source
          AND hour.bucket = date_bin('1 hour', last.ts, timestamptz '1970-01-01 00:00:00+00')
          AND hour.close_ts >= last.ts AND hour.bucket > ${timestamptz(since - seconds(3600))}::timestamptz
      ) AS in_hours
    FROM (
      SELECT DISTINCT base, quote
      FROM unnest(${markets.map(({ base }) => base)}::text[], ${markets.map(({ quote }) => quote)}::text[])
        AS named (base, quote)
    ) AS market
    CROSS JOIN LATERAL (
      SELECT ts, source FROM trades
      WHERE base_asset = market.base AND quote_asset = market.quote AND ts > ${timestamptz(since)}::timestamptz
        AND ts <= ${timestamptz(to)}::timestamptz
      ORDER BY ts DESC LIMIT 1
    ) AS last
    ORDER BY market.base, market.quote`;
  return rows.map(({ base, quote, source, ts, in_minutes, in_hours }) => ({
    pair: { base, quote } as Pair,
    source,
    ts: BigInt(ts),
    inMinutes: in_minutes,
    inHours: in_hours,
  }));
}
