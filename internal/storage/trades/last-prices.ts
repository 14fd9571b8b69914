import { type Bucket, MINUTE } from "../../canonical/bucket.ts";
import { type Decimal, parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { floorTo, type Micros } from "../../canonical/time.ts";
import type { Database } from "../connection/database.ts";
import { readOnly } from "../connection/read-only.ts";
import { timestamptz } from "../connection/timestamptz.ts";

/** The last price of the requested pair number `position` at a source. */
export interface LastPrice {
  readonly position: number;
  readonly source: string;
  readonly price: Decimal;
  readonly ts: Micros;
}

/**
 * Reads the last price of each source and pair in a bucket, from minute rollups; minutes that retention has removed are
 * missing. Prices that were truncated to 0 are skipped.
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
        AND bucket >= ${timestamptz(floorTo(from, MINUTE))}::timestamptz
        AND bucket < ${timestamptz(to)}::timestamptz
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
