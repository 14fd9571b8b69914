import type { Asset } from "../../canonical/asset.ts";
import { HOUR } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";

/** A pair at a source. */
export interface Market extends Pair {
  readonly source: string;
}

/** A market with all aliases of its pair, in one orientation. */
export interface NamedMarket {
  readonly source: string;
  readonly pairs: readonly Pair[];
}

/** A stored market and the hours of its trades. */
export interface StoredMarket extends Market {
  readonly tradeCount: bigint;
  /** Start of the first hour with a trade. */
  readonly from: Micros;
  /** End of the last hour with a trade. */
  readonly to: Micros;
}

/** Returns the positions of markets that are stored only inverted, under any alias. */
export async function storedInverted(sql: Sql, markets: readonly NamedMarket[]): Promise<ReadonlySet<number>> {
  const names = markets.flatMap(({ source, pairs }, position) => pairs.map((pair) => ({ ...pair, source, position })));
  const stored = (base: "base" | "quote", quote: "base" | "quote") => sql`
    bool_or(EXISTS (
      SELECT FROM trades_1h
      WHERE base_asset = market.${sql(base)} AND quote_asset = market.${sql(quote)} AND source = market.source
    ))`;
  const rows = await sql<{ position: number }[]>`
    SELECT market.position
    FROM unnest(
      ${names.map(({ base }) => base)}::text[], ${names.map(({ quote }) => quote)}::text[],
      ${names.map(({ source }) => source)}::text[], ${names.map(({ position }) => position)}::int[]
    ) AS market (base, quote, source, position)
    GROUP BY market.position
    HAVING ${stored("quote", "base")} AND NOT ${stored("base", "quote")}`;
  return new Set(rows.map(({ position }) => position));
}

/** Reads the sources of stored pairs with their number of trades and the hours of these. */
export async function readSources(sql: Sql, pairs: readonly Pair[]): Promise<readonly StoredMarket[]> {
  const rows = await sql<
    { base_asset: Asset; quote_asset: Asset; source: string; trade_count: string; first: string; last: string }[]
  >`
    SELECT base_asset, quote_asset, source, sum(trade_count)::text AS trade_count,
      (extract(epoch FROM min(bucket)) * 1000000)::bigint::text AS first,
      (extract(epoch FROM max(bucket)) * 1000000)::bigint::text AS last
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
    from: BigInt(row.first),
    to: BigInt(row.last) + HOUR,
  }));
}
