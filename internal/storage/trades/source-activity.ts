import { HOUR } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { floorTo, type Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";

/** How much a source traded in a market, over all stored pairs that count for it. */
export interface SourceActivity {
  /** Index of the market in the question. */
  readonly market: number;
  readonly source: string;
  /** Time of the last trade that forms a price. */
  readonly lastTrade: Micros;
  /** Trades since {@link SourceActivity.since}. */
  readonly trades: number;
  /** A whole hour, a day before the hour of the last trade. */
  readonly since: Micros;
}

/** Rows are read of so long: the last trade may be a day old, and what was before it counts for another one. */
const READ: Micros = 50n * HOUR;

/**
 * Reads how much each source traded before its last trade, from the rollups of hours, of sources that traded within the
 * last two days.
 * @param markets the stored pairs of each market
 * @param sources null for any source
 * @param now hours that begin later do not count
 */
export async function readSourceActivity(
  sql: Sql,
  markets: readonly (readonly Pair[])[],
  sources: readonly string[] | null,
  now: Micros,
): Promise<SourceActivity[]> {
  const stored = markets.flatMap((pairs, market) => pairs.map((pair) => ({ market, pair })));
  const rows = await sql<{ market: number; source: string; last: string; since: string; trades: string }[]>`
    WITH hours AS (
      SELECT market, source, bucket, sum(trade_count) AS trades, max(close_ts) AS close_ts
      FROM unnest(
        ${stored.map(({ market }) => String(market))}::text[]::int[],
        ${stored.map(({ pair }) => pair.base)}::text[], ${stored.map(({ pair }) => pair.quote)}::text[]
      ) AS given (market, base, quote)
      JOIN trades_1h ON base_asset = base AND quote_asset = quote
        AND bucket >= ${timestamptz(floorTo(now, HOUR) - READ)}::timestamptz
        AND bucket <= ${timestamptz(now)}::timestamptz
      ${sources === null ? sql`` : sql`WHERE source = ANY(${sources as string[]}::text[])`}
      GROUP BY market, source, bucket
    ),
    last AS (
      SELECT market, source, max(close_ts) AS last,
        date_bin('1 hour', max(close_ts), 'epoch'::timestamptz) - interval '24 hours' AS since
      FROM hours GROUP BY market, source
    )
    SELECT market, source, (extract(epoch FROM last) * 1000000)::bigint::text AS last,
      (extract(epoch FROM since) * 1000000)::bigint::text AS since, sum(trades)::text AS trades
    FROM last JOIN hours USING (market, source)
    WHERE bucket >= since AND bucket <= last
    GROUP BY market, source, last, since
    ORDER BY market, source`;
  return rows.map(({ market, source, last, since, trades }) => ({
    market,
    source,
    lastTrade: BigInt(last),
    trades: Number(trades),
    since: BigInt(since),
  }));
}
