import { type Bucket, splitBucket } from "../../canonical/bucket.ts";
import { formatDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { Micros } from "../../canonical/time.ts";
import { squaredReach } from "../../policy/outliers/outliers.ts";
import type { OutlierQuery, OutlierRule } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { inRange, inSpan, type Range, unnestRanges } from "./ranges.ts";

/** Parameters of {@link TradeReader.outliers}. */
export interface OutlierSearch {
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  readonly question: OutlierQuery;
  /** Most trades to return one by one. */
  readonly limit: number;
}

/** The search in one pair. */
export interface PairSearch extends Omit<OutlierSearch, "pairs"> {
  readonly pair: Pair;
}

/**
 * If more than this part of a big window's minutes may hold outliers, all of it is read, which can use several cores.
 */
const WHOLE_WINDOW_SHARE = 0.5;
/** Number of trades from which on a window is big. */
const BIG_WINDOW = 5_000;

/** What a search found for one source; a single row without a source where no trade was an outlier. */
export interface SearchRow {
  part: number;
  needed_from: string;
  is_whole: boolean;
  source: string | null;
  trade_count: string;
  base_volume: string;
  quote_volume: string;
  /** Time, id, price, base and quote amount of each trade. */
  named: [string, string, string, string, string][] | null;
}

function unnestParts(sql: Sql, parts: readonly PairSearch[]) {
  const decisions = parts.map(({ question: { rule } }) => decisionOf(rule));
  return sql`
    unnest(
      ${parts.map((_, part) => String(part))}::text[]::int[],
      ${parts.map(({ pair }) => pair.base)}::text[], ${parts.map(({ pair }) => pair.quote)}::text[],
      ${parts.map(({ question }) => question.sources.join(","))}::text[],
      ${parts.map(({ question }) => formatDecimal(question.band.low))}::text[]::numeric[],
      ${parts.map(({ question }) => formatDecimal(question.band.high))}::text[]::numeric[],
      ${decisions.map(({ weight }) => weight)}::text[]::numeric[],
      ${decisions.map(({ sum }) => sum)}::text[]::numeric[],
      ${decisions.map(({ reach }) => reach)}::text[]::numeric[],
      ${parts.map(mostSeconds)}::text[]::numeric[],
      ${parts.map(({ limit }) => String(limit))}::text[]::int[]
    ) AS asked (part, base, quote, sources, low, high, weight, sum, reach, most_seconds, most_named)`;
}

/**
 * Returns the terms of {@link isOutlier}'s exact test for prices outside the band; nulls if the band itself decides.
 */
export function decisionOf(rule: OutlierRule) {
  if (rule.method === "mad") return { weight: null, sum: null, reach: null };
  const { statistics, k } = rule;
  return {
    weight: formatDecimal(statistics.weight),
    sum: formatDecimal(statistics.sum),
    reach: formatDecimal(squaredReach(statistics, k)),
  };
}

/** Returns the most seconds of the window to read minute by minute; null for no limit. */
function mostSeconds({ bucket, question }: PairSearch): string | null {
  if (question.tradeCount < BIG_WINDOW) return null;
  return String((Number(bucket.to - bucket.from) / 1e6) * WHOLE_WINDOW_SHARE);
}

/**
 * Returns the outliers' sums per part and source, of the trades below rollups with prices outside the band.
 *
 * OFFSET 0 keeps one index lookup per range: as a join the planner might scan whole tables. Sources are compared outside
 * of the lookups, where it is a plain filter: `source = ANY` inside would be one lookup per source. If retention has
 * removed the minutes of an hour with prices outside the band, its trades are read instead.
 */
export function searchRollups(sql: Sql, parts: readonly PairSearch[], minutesFrom: Micros | undefined) {
  const cut = parts.map(({ bucket }) => splitBucket(bucket));
  const rangesOf = (stretchesOf: (index: number) => (Bucket | undefined)[]): Range[] =>
    parts.flatMap(({ pair }, part) =>
      stretchesOf(part).flatMap((stretch) =>
        stretch === undefined || stretch.from === stretch.to ? [] : [{ part, pair, ...stretch }],
      ),
    );
  const minutes = rangesOf((part) => [cut[part]?.headMinutes, cut[part]?.tailMinutes]);
  const hours = rangesOf((part) => [cut[part]?.hours]);
  const ends = rangesOf((part) => [cut[part]?.headTrades, cut[part]?.tailTrades]);
  const hasMinutes = minutesFrom === undefined ? sql`true` : sql`bucket >= ${timestamptz(minutesFrom)}::timestamptz`;
  const isHit = sql`(price_min < asked.low OR price_max > asked.high)`;
  const isAsked = (source: string) => sql`${sql(source)} = ANY(string_to_array(asked.sources, ','))`;
  const hits = [
    sql`SELECT NULL::int, NULL::timestamptz, NULL::text WHERE false`,
    ...(minutes.length === 0
      ? []
      : [
          sql`
          SELECT part, minute.bucket, minute.source
          FROM ${unnestRanges(sql, minutes)} JOIN asked USING (part)
          CROSS JOIN LATERAL (
            SELECT bucket, source FROM trades_1m WHERE ${inRange(sql, "bucket", minutes)} AND ${isHit} OFFSET 0
          ) AS minute
          WHERE ${isAsked("minute.source")}`,
        ]),
    ...(hours.length === 0
      ? []
      : [
          sql`
          SELECT part, minute.bucket, hour.source
          FROM (SELECT * FROM hour_hit WHERE ${hasMinutes}) AS hour JOIN asked USING (part)
          CROSS JOIN LATERAL (
            SELECT bucket FROM trades_1m
            WHERE base_asset = asked.base AND quote_asset = asked.quote AND ${isHit} AND ${inSpan(sql, "bucket", hours)}
              AND bucket >= hour.bucket AND bucket < hour.bucket + interval '1 hour' AND source = hour.source
            OFFSET 0
          ) AS minute`,
        ]),
  ];
  const hourHits =
    hours.length === 0
      ? sql`SELECT NULL::int, NULL::timestamptz, NULL::text WHERE false`
      : sql`
        SELECT part, hour.bucket, hour.source
        FROM ${unnestRanges(sql, hours)} JOIN asked USING (part)
        CROSS JOIN LATERAL (
          SELECT bucket, source FROM trades_1h WHERE ${inRange(sql, "bucket", hours)} AND ${isHit} OFFSET 0
        ) AS hour
        WHERE ${isAsked("hour.source")}`;
  const stretches = [
    sql`SELECT DISTINCT part, bucket, bucket + interval '1 hour', NULL FROM hour_hit WHERE NOT ${hasMinutes}`,
    sql`
    SELECT part, min(bucket), max(bucket) + interval '1 minute',
      CASE WHEN min(source) = max(source) THEN min(source) END
    FROM (
      SELECT part, bucket, source,
        bucket - make_interval(mins => dense_rank() OVER (PARTITION BY part ORDER BY bucket)::int) AS neighbours
      FROM hit
    ) AS numbered
    GROUP BY part, neighbours`,
    ...(ends.length === 0 ? [] : [sql`SELECT part, first, past, NULL FROM ${unnestRanges(sql, ends)}`]),
  ];
  const tradesIn = (isOne: boolean) => sql`
    SELECT part, trade.*
    FROM (SELECT * FROM stretch WHERE (source IS NOT NULL) = ${isOne}::boolean) AS range
    JOIN need USING (part)
    JOIN asked USING (part)
    CROSS JOIN LATERAL (
      SELECT source, ts, trade_id, price, base_amount, quote_amount FROM trades
      WHERE base_asset = asked.base AND quote_asset = asked.quote AND ts >= range.first AND ts < range.past
        AND ${inSpan(
          sql,
          "ts",
          parts.map(({ bucket }) => bucket),
        )} AND (price < asked.low OR price > asked.high)
        ${isOne ? sql`AND source = range.source` : sql``}
      OFFSET 0
    ) AS trade
    WHERE NOT need.is_whole ${isOne ? sql`` : sql`AND ${isAsked("trade.source")}`}
      AND (
        asked.reach IS NULL
        OR (trade.price * asked.weight - asked.sum) * (trade.price * asked.weight - asked.sum) > asked.reach
      )`;
  return sql<SearchRow[]>`
    WITH asked AS MATERIALIZED (SELECT * FROM ${unnestParts(sql, parts)}),
    hour_hit (part, bucket, source) AS MATERIALIZED (${hourHits}),
    hit (part, bucket, source) AS MATERIALIZED (${hits.reduce((all, each) => sql`${all} UNION ALL ${each}`)}),
    stretch (part, first, past, source) AS MATERIALIZED (
      ${stretches.reduce((all, each) => sql`${all} UNION ALL ${each}`)}
    ),
    need AS MATERIALIZED (
      SELECT part, min(first) AS first, coalesce(extract(epoch FROM sum(past - first)) > min(most_seconds), false) AS is_whole
      FROM stretch JOIN asked USING (part)
      GROUP BY part
    ),
    outlier AS (
      SELECT *, row_number() OVER (PARTITION BY part) AS position
      FROM (${tradesIn(true)} UNION ALL ${tradesIn(false)}) AS outside
    ),
    sums AS (
      SELECT part, outlier.source, count(*)::text AS trade_count, sum(base_amount)::text AS base_volume,
        sum(quote_amount)::text AS quote_volume,
        array_agg(ARRAY[
          ((extract(epoch FROM ts) * 1000000)::bigint)::text, trade_id, price::text, base_amount::text, quote_amount::text
        ]) FILTER (WHERE position <= most_named) AS named
      FROM outlier JOIN asked USING (part)
      GROUP BY part, outlier.source
    )
    SELECT need.part, (extract(epoch FROM need.first) * 1000000)::bigint::text AS needed_from, need.is_whole,
      sums.source, sums.trade_count, sums.base_volume, sums.quote_volume, sums.named
    FROM need LEFT JOIN sums USING (part)`;
}
