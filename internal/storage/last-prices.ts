import { type Bucket, MINUTE } from "../canonical/bucket.ts";
import { type Decimal, parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { floorTo, type Micros } from "../canonical/time.ts";
import type { Database } from "./database.ts";
import { moment } from "./moment.ts";
import { readOnly } from "./read-only.ts";

/** The last price that a source gave of the pair at `position` of those asked for. */
export interface LastPrice {
  readonly position: number;
  readonly source: string;
  readonly price: Decimal;
  readonly ts: Micros;
}

/**
 * The last price of each source for each pair within the whole minutes of a bucket, from rollups; what retention has
 * removed is missing. A ratio so small that it was cut to zero is no price.
 */
export function readLastPrices(
  database: Database,
  pairs: readonly Pair[],
  { from, to }: Bucket,
  sources: readonly string[],
): Promise<LastPrice[]> {
  return readOnly(database, async (sql) => {
    const rows = await sql<{ position: string; source: string; price: string; ts: string }[]>`
    SELECT pair.position::text AS position, last.source, last.close_price::text AS price,
      (extract(epoch FROM last.close_ts) * 1000000)::bigint::text AS ts
    FROM unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[])
      WITH ORDINALITY AS pair (base, quote, position)
    CROSS JOIN LATERAL (
      SELECT DISTINCT ON (source) source, close_price, close_ts FROM trades_1m
      WHERE base_asset = pair.base AND quote_asset = pair.quote
        AND bucket >= ${moment(floorTo(from, MINUTE))}::timestamptz
        AND bucket < ${moment(to)}::timestamptz
        AND source = ANY(${sources as string[]}::text[]) AND close_price > 0
      ORDER BY source, bucket DESC
    ) AS last
    ORDER BY pair.position, last.source`;
    return rows.map((row) => ({
      position: Number(row.position) - 1,
      source: row.source,
      price: parseDecimal(row.price),
      ts: BigInt(row.ts),
    }));
  });
}
