import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import type { Market } from "./orientations.ts";

/** Returns the time of the last stored trade of a market between two times; null where there is none. */
export async function readLastTradeTime(
  sql: Sql,
  { base, quote, source }: Market,
  { from, to }: { readonly from: Micros; readonly to: Micros },
): Promise<Micros | null> {
  const [row] = await sql<{ last: string | null }[]>`
    SELECT (extract(epoch FROM max(ts)) * 1000000)::bigint::text AS last FROM trades
    WHERE base_asset = ${base} AND quote_asset = ${quote} AND source = ${source}
      AND ts >= ${timestamptz(from)}::timestamptz AND ts < ${timestamptz(to)}::timestamptz`;
  return row?.last == null ? null : BigInt(row.last);
}
