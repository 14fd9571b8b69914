import { expect } from "vitest";
import type { Sql } from "./database.ts";
import { recomputedRollups } from "./recomputed.ts";

/**
 * Expects every row and every column of both rollup tables to be what a recomputation from the raw trades gives.
 */
export async function expectRollupsExact({ sql }: { readonly sql: Sql }): Promise<void> {
  for (const unit of ["1m", "1h"]) {
    const table = `trades_${unit}`;
    // SELECT *: a column that is added without being compared here is an error of its own.
    const differences = await sql<{ stored: string | null; recomputed: string | null }[]>`
      WITH ${recomputedRollups(sql, sql`true`)},
        recomputed AS (SELECT * FROM ${sql(`computed_${unit}`)}), stored AS (SELECT * FROM ${sql(table)}),
        wrong AS (TABLE stored EXCEPT ALL TABLE recomputed),
        missing AS (TABLE recomputed EXCEPT ALL TABLE stored)
      SELECT wrong::text AS stored, NULL AS recomputed FROM wrong
      UNION ALL SELECT NULL, missing::text FROM missing
      LIMIT 10`;
    expect(differences, `${table} beside its recomputation`).toEqual([]);
  }
}
