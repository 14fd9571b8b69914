import { expect } from "vitest";
import type { Sql } from "./database.ts";

/**
 * Expects every row and every column of both rollup tables to be what a recomputation from the raw trades gives. The
 * recomputation buckets, orders and picks in other ways than the trigger does.
 */
export async function expectRollupsExact({ sql }: { readonly sql: Sql }): Promise<void> {
  for (const [table, unit] of [
    ["trades_1m", "minute"],
    ["trades_1h", "hour"],
  ] as const) {
    const recomputed = sql`
      SELECT base_asset, quote_asset, bucket, source, count(*) AS trade_count, sum(base_amount), sum(quote_amount),
        sum(price), sum(price * price), min(price), max(price),
        min(ts) FILTER (WHERE nth = 1), min(trade_id) FILTER (WHERE nth = 1), min(price) FILTER (WHERE nth = 1),
        min(ts) FILTER (WHERE nth_last = 1), min(trade_id) FILTER (WHERE nth_last = 1), min(price) FILTER (WHERE nth_last = 1)
      FROM (
        SELECT *, row_number() OVER (rows_of ORDER BY ts, char_length(trade_id), convert_to(trade_id, 'UTF8')) AS nth,
          row_number() OVER (
            rows_of ORDER BY ts DESC, char_length(trade_id) DESC, convert_to(trade_id, 'UTF8') DESC
          ) AS nth_last
        FROM (SELECT *, date_trunc(${unit}, ts, 'UTC') AS bucket FROM trades) AS bucketed
        WINDOW rows_of AS (PARTITION BY base_asset, quote_asset, bucket, source)
      ) AS numbered
      GROUP BY base_asset, quote_asset, bucket, source`;
    // SELECT *: a column that is added without being compared here is an error of its own.
    const differences = await sql<{ stored: string | null; recomputed: string | null }[]>`
      WITH recomputed AS (${recomputed}), stored AS (SELECT * FROM ${sql(table)}),
        wrong AS (TABLE stored EXCEPT ALL TABLE recomputed),
        missing AS (TABLE recomputed EXCEPT ALL TABLE stored)
      SELECT wrong::text AS stored, NULL AS recomputed FROM wrong
      UNION ALL SELECT NULL, missing::text FROM missing
      LIMIT 10`;
    expect(differences, `${table} beside its recomputation`).toEqual([]);
  }
}
