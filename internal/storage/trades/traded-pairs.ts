import type { Asset } from "../../canonical/asset.ts";
import { type Bucket, HOUR, MINUTE } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { ceilTo, earlierOf, floorTo, laterOf } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { type Horizons, requireRows } from "../retention/horizons.ts";
import { FIRST_MOMENT, LAST_MOMENT } from "../schema/chunks.ts";

/** Base assets from `first` to `last` in bytewise order, both included. */
export interface AssetRange {
  readonly first: string;
  readonly last: string;
}

const CURRENCIES_AND_TICKERS: readonly AssetRange[] = [
  { first: "crypto:", last: "crypto;" },
  { first: "fiat:", last: "fiat;" },
];

/** Default chunk length of trades_1h; chunks begin at multiples of it. */
const CHUNK = 90n * 24n * HOUR;

/** For longer buckets hours are read instead of minutes. */
const LONG_BUCKET = 2n * HOUR;

/**
 * Reads the stored pairs with trades in the bucket. See {@link TradeReader.tradedPairs}.
 * @throws RawDataExpired if retention has removed rollups of the bucket
 */
export async function readTradedPairs(
  sql: Sql,
  horizons: Horizons,
  bucket: Bucket,
  bases: readonly Asset[],
  sources: readonly string[] | null,
  isChunked: boolean,
): Promise<Pair[]> {
  const isLong = bucket.to - bucket.from > LONG_BUCKET;
  const covered = { from: floorTo(bucket.from, isLong ? HOUR : MINUTE), to: bucket.to };
  requireRows(horizons, isLong ? { hours: [covered] } : { minutes: [covered] });
  const ranges = [...CURRENCIES_AND_TICKERS, ...bases.map((base) => ({ first: base, last: base }))];
  const rows = await sql<{ base_asset: Asset; quote_asset: Asset }[]>`
    WITH RECURSIVE ${everyPair(sql, ranges, isChunked ? covered : null)}
    SELECT base_asset, quote_asset FROM seen
    WHERE EXISTS (
      SELECT FROM ${sql(isLong ? "trades_1h" : "trades_1m")} AS rollup
      WHERE rollup.base_asset = seen.base_asset AND rollup.quote_asset = seen.quote_asset
        AND rollup.bucket >= ${timestamptz(covered.from)}::timestamptz
        AND rollup.bucket < ${timestamptz(covered.to)}::timestamptz
        ${sources === null ? sql`` : sql`AND rollup.source = ANY(${sources as string[]}::text[])`}
      OFFSET 0
    )
    ORDER BY base_asset, quote_asset`;
  return rows.map(({ base_asset, quote_asset }) => ({ base: base_asset, quote: quote_asset }));
}

/**
 * A CTE `seen` of every pair with rollups, for WITH RECURSIVE. It is a loose index scan, one lookup per pair; DISTINCT
 * would read every rollup.
 * @param ranges of the base asset, disjoint
 * @param within limits the scan to chunks near these times; other pairs in these chunks are found as well. For
 *   hypertables only, where a lookup goes into each chunk: on an ordinary table it would have to skip all older rollups
 *   of a pair
 */
export function everyPair(sql: Sql, ranges: readonly AssetRange[], within: Bucket | null = null) {
  const inChunks =
    within === null
      ? sql``
      : sql`
    AND bucket >= ${timestamptz(laterOf(floorTo(within.from, CHUNK), FIRST_MOMENT))}::timestamptz
    AND bucket <= ${timestamptz(earlierOf(ceilTo(within.to, CHUNK) - 1n, LAST_MOMENT))}::timestamptz`;
  return sql`
    seen AS (
      SELECT first.base_asset, first.quote_asset, range.last
      FROM unnest(
        ${ranges.map(({ first }) => first)}::text[], ${ranges.map(({ last }) => last)}::text[]
      ) AS range (first, last)
      CROSS JOIN LATERAL (
        SELECT base_asset, quote_asset FROM trades_1h
        WHERE base_asset >= range.first COLLATE "C" AND base_asset <= range.last COLLATE "C" ${inChunks}
        ORDER BY base_asset, quote_asset LIMIT 1
      ) AS first
      UNION ALL
      SELECT following.base_asset, following.quote_asset, seen.last
      FROM seen CROSS JOIN LATERAL (
        SELECT base_asset, quote_asset FROM trades_1h
        WHERE (base_asset, quote_asset) > (seen.base_asset, seen.quote_asset) AND base_asset <= seen.last COLLATE "C" ${inChunks}
        ORDER BY base_asset, quote_asset LIMIT 1
      ) AS following
    )`;
}

/** A CTE `page` of the next `limit` pairs with rollups after a pair, in key order; for WITH RECURSIVE. */
export function pairsAfter(sql: Sql, after: Pair | null, limit: number) {
  return sql`
    seen AS (
      (
        SELECT base_asset, quote_asset FROM trades_1h
        WHERE (base_asset, quote_asset) > (${after?.base ?? ""}::text, ${after?.quote ?? ""}::text)
        ORDER BY base_asset, quote_asset LIMIT 1
      )
      UNION ALL
      SELECT following.base_asset, following.quote_asset
      FROM seen CROSS JOIN LATERAL (
        SELECT base_asset, quote_asset FROM trades_1h
        WHERE (base_asset, quote_asset) > (seen.base_asset, seen.quote_asset)
        ORDER BY base_asset, quote_asset LIMIT 1
      ) AS following
    ),
    page AS MATERIALIZED (SELECT base_asset, quote_asset FROM seen LIMIT ${limit}::int)`;
}
