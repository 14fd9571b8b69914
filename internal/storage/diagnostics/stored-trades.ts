import type { Asset } from "../../canonical/asset.ts";
import { HOUR } from "../../canonical/bucket.ts";
import { floorTo, type Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import type { Market } from "../trades/orientations.ts";
import { everyPair } from "../trades/traded-pairs.ts";

/** A stored pair with the time of its last trade, which may lie in the future. */
export interface StoredPair {
  readonly base: Asset;
  readonly quote: Asset;
  readonly lastTrade: Micros;
}

/** Trades of a market that are dated after a given time. */
export interface LaterTrades extends Market {
  /** Number of all trades in the hours with such trades. */
  readonly tradeCount: bigint;
  readonly latest: Micros;
}

/** All assets: their text begins with a letter. */
const EVERY_ASSET = [{ first: "", last: "~" }];

/** Reads all stored pairs with their last trade, in key order; one index lookup per pair. */
export async function readStoredPairs(sql: Sql): Promise<StoredPair[]> {
  const rows = await sql<{ base_asset: Asset; quote_asset: Asset; ts: string }[]>`
    WITH RECURSIVE ${everyPair(sql, EVERY_ASSET)}
    SELECT base_asset, quote_asset, (extract(epoch FROM last.ts) * 1000000)::bigint::text AS ts
    FROM seen CROSS JOIN LATERAL (
      SELECT close_ts AS ts FROM trades_1h
      WHERE trades_1h.base_asset = seen.base_asset AND trades_1h.quote_asset = seen.quote_asset
      ORDER BY bucket DESC LIMIT 1
    ) AS last
    ORDER BY base_asset, quote_asset`;
  return rows.map(({ base_asset, quote_asset, ts }) => ({
    base: base_asset,
    quote: quote_asset,
    lastTrade: BigInt(ts),
  }));
}

/** Reads the trades of all pairs that are dated after `after`, summed up by market. */
export async function readLaterTrades(sql: Sql, after: Micros): Promise<LaterTrades[]> {
  const rows = await sql<
    { base_asset: Asset; quote_asset: Asset; source: string; trade_count: string; latest: string }[]
  >`
    WITH RECURSIVE ${everyPair(sql, EVERY_ASSET)}
    SELECT base_asset, quote_asset, later.source, later.trade_count::text AS trade_count,
      (extract(epoch FROM later.latest) * 1000000)::bigint::text AS latest
    FROM seen CROSS JOIN LATERAL (
      SELECT source, sum(trade_count) AS trade_count, max(close_ts) AS latest FROM trades_1h
      WHERE trades_1h.base_asset = seen.base_asset AND trades_1h.quote_asset = seen.quote_asset
        AND bucket >= ${timestamptz(floorTo(after, HOUR))}::timestamptz AND close_ts > ${timestamptz(after)}::timestamptz
      GROUP BY source
    ) AS later
    ORDER BY base_asset, quote_asset, source`;
  return rows.map((row) => ({
    base: row.base_asset,
    quote: row.quote_asset,
    source: row.source,
    tradeCount: BigInt(row.trade_count),
    latest: BigInt(row.latest),
  }));
}
