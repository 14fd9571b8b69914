import type { PriceMedians } from "../aggregate/reader.ts";
import type { Bucket } from "../canonical/bucket.ts";
import { type Decimal, formatDecimal, parseDecimal, ZERO } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Sql } from "./database.ts";
import { type Horizons, requireRows } from "./horizons.ts";
import { inRange, unnestRanges } from "./ranges.ts";

/** The trades that are weighed. */
export interface WeighedTrades {
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  readonly sources: readonly string[];
}

/**
 * The median of the prices by quote volume, and that of their distances from it. See {@link TradeReader.weightedMedians}.
 * @throws RawDataExpired unless trades are complete over the whole bucket
 */
export async function readWeightedMedians(sql: Sql, horizons: Horizons, trades: WeighedTrades): Promise<PriceMedians> {
  requireRows(horizons, { trades: [trades.bucket] });
  const median = await readMiddle(sql, trades, ZERO);
  return { median, mad: await readMiddle(sql, trades, median) };
}

/** The median of |price − origin| by quote volume; from 0 that of the prices, which are never negative. */
async function readMiddle(sql: Sql, { pairs, bucket, sources }: WeighedTrades, origin: Decimal): Promise<Decimal> {
  const ranges = pairs.map((pair, part) => ({ part, pair, ...bucket }));
  const [row] = await sql<{ middle: string }[]>`
    SELECT (CASE WHEN below * 2 = total THEN (distance + next) * 0.5 ELSE distance END)::text AS middle
    FROM (
      SELECT distance, sum(volume) OVER (ORDER BY distance) AS below, sum(volume) OVER () AS total,
        lead(distance) OVER (ORDER BY distance) AS next
      FROM (
        SELECT abs(trade.price - ${formatDecimal(origin)}::text::numeric) AS distance, sum(trade.quote_amount) AS volume
        FROM ${unnestRanges(sql, ranges)}
        CROSS JOIN LATERAL (
          SELECT source, price, quote_amount FROM trades WHERE ${inRange(sql, "ts", ranges)} OFFSET 0
        ) AS trade
        WHERE trade.source = ANY(${sources as string[]}::text[])
        GROUP BY distance
      ) AS place
    ) AS ranked
    WHERE below * 2 >= total
    ORDER BY distance
    LIMIT 1`;
  if (row === undefined) throw new Error("there are no trades to take the median of");
  return parseDecimal(row.middle);
}
