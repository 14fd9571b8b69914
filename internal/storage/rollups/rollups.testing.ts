import { expect } from "vitest";
import type { Sql } from "../connection/pool.ts";
import { recomputedRollups } from "./recomputed.ts";

/**
 * Expects every row and column of both rollup tables to equal a recomputation from the raw trades, for the given base
 * assets or for all.
 */
export async function expectRollupsExact(
  { sql }: { readonly sql: Sql },
  bases: readonly string[] | null = null,
): Promise<void> {
  const wanted = bases === null ? sql`true` : sql`base_asset = ANY(${bases as string[]}::text[])`;
  for (const unit of ["1m", "1h"]) {
    const table = `trades_${unit}`;
    // SELECT * makes the test fail for a new column that is not compared here.
    const differences = await sql<{ stored: string | null; recomputed: string | null }[]>`
      WITH ${recomputedRollups(sql, wanted)},
        recomputed AS (SELECT * FROM ${sql(`computed_${unit}`)}), stored AS (SELECT * FROM ${sql(table)} WHERE ${wanted}),
        wrong AS (TABLE stored EXCEPT ALL TABLE recomputed),
        missing AS (TABLE recomputed EXCEPT ALL TABLE stored)
      SELECT wrong::text AS stored, NULL AS recomputed FROM wrong
      UNION ALL SELECT NULL, missing::text FROM missing
      LIMIT 10`;
    expect(differences, `${table} beside its recomputation`).toEqual([]);
  }
}
