import type { Asset } from "../canonical/asset.ts";
import { type Bucket, HOUR, MINUTE } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import { ceilTo, earlierOf, floorTo, laterOf } from "../canonical/time.ts";
import { FIRST_MOMENT, LAST_MOMENT } from "./chunks.ts";
import type { Sql } from "./database.ts";
import { type Horizons, requireRows } from "./horizons.ts";
import { moment } from "./moment.ts";

/** Bases from `first` to `last`, bytewise, both included. */
export interface AssetRange {
  readonly first: string;
  readonly last: string;
}

const CURRENCIES_AND_TICKERS: readonly AssetRange[] = [
  { first: "crypto:", last: "crypto;" },
  { first: "fiat:", last: "fiat;" },
];

/** Times of a multiple of this are where chunks of trades_1h begin, unless somebody has set another length. */
const CHUNK = 90n * 24n * HOUR;

/** Above this length of a bucket its hours are looked at instead of its minutes. */
const LONG_BUCKET = 2n * HOUR;

/**
 * The pairs, as traded, that have trades in the bucket. See {@link TradeReader.tradedPairs}.
 * @throws RawDataExpired where the rollups do not reach back over the bucket
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
        AND rollup.bucket >= ${moment(covered.from)}::timestamptz
        AND rollup.bucket < ${moment(covered.to)}::timestamptz
        ${sources === null ? sql`` : sql`AND rollup.source = ANY(${sources as string[]}::text[])`}
      OFFSET 0
    )
    ORDER BY base_asset, quote_asset`;
  return rows.map(({ base_asset, quote_asset }) => ({ base: base_asset, quote: quote_asset }));
}

/**
 * `seen`: every pair there ever was a trade of, for use behind WITH RECURSIVE. One look into the index per pair: a DISTINCT
 * would read every rollup there is.
 * @param ranges of the base, which do not overlap
 * @param within on a hypertable, where a look goes into each chunk, the times of the trades that matter; pairs with trades
 * near them are seen as well. On an ordinary table a look would pass all rollups of a pair that are older.
 */
export function everyPair(sql: Sql, ranges: readonly AssetRange[], within: Bucket | null = null) {
  const inChunks =
    within === null
      ? sql``
      : sql`
    AND bucket >= ${moment(laterOf(floorTo(within.from, CHUNK), FIRST_MOMENT))}::timestamptz
    AND bucket <= ${moment(earlierOf(ceilTo(within.to, CHUNK) - 1n, LAST_MOMENT))}::timestamptz`;
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

/** `page`: the first pairs behind one, in key order, of which there ever was a trade; for use behind WITH RECURSIVE. */
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
