import type { Pair } from "../../canonical/pair.ts";
import type { Sql } from "../connection/pool.ts";

/** Reads every pair with a row in one of the tables, in key order; one lookup per pair in each index. */
export async function storedPairs(sql: Sql, tables: readonly string[]): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (;;) {
    const last = pairs.at(-1);
    const following = tables.map(
      (table) => sql`(
        SELECT base_asset, quote_asset FROM ${sql(table)}
        WHERE (base_asset, quote_asset) > (${last?.base ?? ""}::text, ${last?.quote ?? ""}::text)
        ORDER BY base_asset, quote_asset LIMIT 1
      )`,
    );
    const [next] = await sql<{ base_asset: Pair["base"]; quote_asset: Pair["quote"] }[]>`
      SELECT base_asset, quote_asset FROM (${following.reduce((all, one) => sql`${all} UNION ALL ${one}`)}) AS following
      ORDER BY base_asset, quote_asset LIMIT 1`;
    if (next === undefined) return pairs;
    pairs.push({ base: next.base_asset, quote: next.quote_asset });
  }
}
