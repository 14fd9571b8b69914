import type { Bucket } from "../../canonical/bucket.ts";
import { type Decimal, formatDecimal, parseDecimal, ZERO } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { PriceMedians } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { type Horizons, requireRows } from "../retention/horizons.ts";
import { inRange, unnestRanges } from "./ranges.ts";

/** The trades of a volume-weighted statistic. */
export interface WeightedSelection {
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  readonly sources: readonly string[];
}

/**
 * Computes the median of the prices weighted by quote volume, and the weighted median absolute deviation. See
 * {@link TradeReader.weightedMedians}.
 * @throws RawDataExpired if retention has removed trades of the bucket
 */
export async function readWeightedMedians(
  sql: Sql,
  horizons: Horizons,
  trades: WeightedSelection,
): Promise<PriceMedians> {
  requireRows(horizons, { trades: [trades.bucket] });
  const median = await readMiddle(sql, trades, ZERO);
  return { median, mad: await readMiddle(sql, trades, median) };
}

/** Returns the weighted median of |price − origin|; with origin 0 that of the prices, which are never negative. */
async function readMiddle(sql: Sql, { pairs, bucket, sources }: WeightedSelection, origin: Decimal): Promise<Decimal> {
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
