import type { Asset } from "../canonical/asset.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Sql } from "./database.ts";

/** A pair at a source. */
export interface Market extends Pair {
  readonly source: string;
}

/** The markets, by position, that are stored the other way round only. */
export async function storedInverted(sql: Sql, markets: readonly Market[]): Promise<ReadonlySet<number>> {
  const stored = (base: "base" | "quote", quote: "base" | "quote") => sql`
    EXISTS (
      SELECT FROM trades_1h
      WHERE base_asset = market.${sql(base)} AND quote_asset = market.${sql(quote)} AND source = market.source
    )`;
  const rows = await sql<{ position: string }[]>`
    SELECT market.position::text AS position
    FROM unnest(
      ${markets.map(({ base }) => base)}::text[], ${markets.map(({ quote }) => quote)}::text[],
      ${markets.map(({ source }) => source)}::text[]
    ) WITH ORDINALITY AS market (base, quote, source, position)
    WHERE ${stored("quote", "base")} AND NOT ${stored("base", "quote")}`;
  return new Set(rows.map(({ position }) => Number(position) - 1));
}

/** The sources of pairs, as stored, with how many trades each has. */
export async function readSources(
  sql: Sql,
  pairs: readonly Pair[],
): Promise<readonly (Market & { readonly tradeCount: bigint })[]> {
  const rows = await sql<{ base_asset: Asset; quote_asset: Asset; source: string; trade_count: string }[]>`
    SELECT base_asset, quote_asset, source, sum(trade_count)::text AS trade_count
    FROM trades_1h
    JOIN unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[])
      AS pair (base, quote) ON base_asset = pair.base AND quote_asset = pair.quote
    GROUP BY base_asset, quote_asset, source
    ORDER BY base_asset, quote_asset, source`;
  return rows.map((row) => ({
    base: row.base_asset,
    quote: row.quote_asset,
    source: row.source,
    tradeCount: BigInt(row.trade_count),
  }));
}
