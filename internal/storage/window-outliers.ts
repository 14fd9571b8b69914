import { squaredReach } from "../aggregate/outliers.ts";
import type { OutlierQuestion, OutlierRule, SourceVolumes } from "../aggregate/reader.ts";
import type { Bucket } from "../canonical/bucket.ts";
import { formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Sql } from "./database.ts";
import { inSpan } from "./ranges.ts";

/** Sums per source of the outliers of one pair, found by reading its whole window. */
export async function readWindowOutliers(
  sql: Sql,
  { base, quote }: Pair,
  bucket: Bucket,
  { sources, band, rule }: OutlierQuestion,
): Promise<SourceVolumes[]> {
  // All sources are summed: to ask for some would make it a lookup per source.
  const rows = await sql<{ source: string; trade_count: string; base_volume: string; quote_volume: string }[]>`
    SELECT source, count(*)::text AS trade_count, sum(base_amount)::text AS base_volume,
      sum(quote_amount)::text AS quote_volume
    FROM trades
    WHERE base_asset = ${base} AND quote_asset = ${quote} AND ${inSpan(sql, "ts", [bucket])}
      AND (price < ${formatDecimal(band.low)}::text::numeric OR price > ${formatDecimal(band.high)}::text::numeric)
      AND ${breaks(sql, rule)}
    GROUP BY source`;
  return rows
    .filter(({ source }) => sources.includes(source))
    .map((row) => ({
      source: row.source,
      tradeCount: Number(row.trade_count),
      baseVolume: parseDecimal(row.base_volume),
      quoteVolume: parseDecimal(row.quote_volume),
    }));
}

/** What {@link isOutlier} says of a price outside the band. */
function breaks(sql: Sql, rule: OutlierRule) {
  // There the band itself decides.
  if (rule.method === "mad") return sql`true`;
  const { statistics, k } = rule;
  // Products only: ^, power and sqrt would round.
  const distance = sql`(
    price * ${formatDecimal(statistics.weight)}::text::numeric - ${formatDecimal(statistics.sum)}::text::numeric)`;
  return sql`${distance} * ${distance} > ${formatDecimal(squaredReach(statistics, k))}::text::numeric`;
}
