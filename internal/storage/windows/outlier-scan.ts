import type { Bucket } from "../../canonical/bucket.ts";
import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { squaredReach } from "../../policy/outliers/outliers.ts";
import type { OutlierQuery, OutlierRule, SourceVolumes } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { inSpan } from "./ranges.ts";

/** Sums the outliers of one pair by source, by reading its whole window. */
export async function scanOutliers(
  sql: Sql,
  { base, quote }: Pair,
  bucket: Bucket,
  { sources, band, rule }: OutlierQuery,
): Promise<SourceVolumes[]> {
  // All sources are read: a condition on the source would cause an index lookup per source.
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

/** The condition of {@link isOutlier} for a price outside the band. */
function breaks(sql: Sql, rule: OutlierRule) {
  // By MAD, every price outside the band is an outlier.
  if (rule.method === "mad") return sql`true`;
  const { statistics, k } = rule;
  // Products only: ^, power and sqrt would round.
  const distance = sql`(
    price * ${formatDecimal(statistics.weight)}::text::numeric - ${formatDecimal(statistics.sum)}::text::numeric)`;
  return sql`${distance} * ${distance} > ${formatDecimal(squaredReach(statistics, k))}::text::numeric`;
}
