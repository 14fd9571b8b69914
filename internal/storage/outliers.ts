import { squaredReach } from "../aggregate/outliers.ts";
import type { FoundOutliers, OutlierQuestion, OutlierRule, PricedTrade, SourceVolumes } from "../aggregate/reader.ts";
import { type Bucket, splitBucket } from "../canonical/bucket.ts";
import { formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { laterOf, type Micros } from "../canonical/time.ts";
import type { Sql } from "./database.ts";
import { type Horizons, missingRows } from "./horizons.ts";
import { moment } from "./moment.ts";
import { inRange, inSpan, type Range, unnestRanges } from "./ranges.ts";
import { readWindowOutliers } from "./window-outliers.ts";

/** What {@link TradeReader.outliers} is asked. */
export interface OutlierSearch {
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  readonly question: OutlierQuestion;
  /** How many trades to name at most. */
  readonly limit: number;
}

/** The search in one of its pairs. */
export interface PairSearch extends Omit<OutlierSearch, "pairs"> {
  readonly pair: Pair;
}

/** Above this part of a window's minutes, a big window is read as a whole, for which the planner may use more cores. */
const WHOLE_WINDOW_SHARE = 0.5;
const MINUTES = "trades_1m";
const BIG_WINDOW = 5_000;

interface Row {
  part: number;
  needed_from: string;
  is_whole: boolean;
  source: string | null;
  trade_count: string;
  base_volume: string;
  quote_volume: string;
  /** Time, id, price and amounts of each trade. */
  named: [string, string, string, string, string][] | null;
}

/**
 * The outliers of each search, in one statement: where they are is found from the least and greatest prices of the
 * rollups, down to the raw trades. See {@link TradeReader.outliers}.
 * @returns RawDataExpired for a search that would need trades which retention has removed
 */
export async function readOutliers(
  sql: Sql,
  horizons: Horizons,
  searches: readonly OutlierSearch[],
): Promise<(FoundOutliers | Error)[]> {
  const parts = searches.flatMap(({ pairs, ...search }) => pairs.map((pair) => ({ pair, ...search })));
  const rows = parts.map((): Row[] => []);
  for (const row of await searchRollups(sql, parts, horizons.get(MINUTES))) rows[row.part]?.push(row);
  const found = await Promise.all(parts.map((part, index) => outliersOf(sql, horizons, part, rows[index] ?? [])));
  const inOrder = found.values();
  return searches.map(({ pairs, limit }) => {
    const ofSearch = pairs.map(() => inOrder.next().value as FoundOutliers | Error);
    return ofSearch.find((each) => each instanceof Error) ?? joined(ofSearch as FoundOutliers[], limit);
  });
}

async function outliersOf(
  sql: Sql,
  horizons: Horizons,
  { pair, bucket, question, limit }: PairSearch,
  rows: readonly Row[],
): Promise<FoundOutliers | Error> {
  const { headMinutes, tailMinutes } = splitBucket(bucket);
  const unknown = missingRows(horizons, { minutes: [headMinutes, tailMinutes] });
  if (unknown !== null) return unknown;
  const [first] = rows;
  if (first === undefined) return { volumes: [], trades: [] };
  // None lies before the first of the rollups that are hit.
  const searched = { from: laterOf(BigInt(first.needed_from), bucket.from), to: bucket.to };
  const missing = missingRows(horizons, { trades: [searched] });
  if (missing !== null) return missing;
  if (first.is_whole) return { volumes: await readWindowOutliers(sql, pair, searched, question), trades: null };
  const sums = rows.filter(({ source }) => source !== null);
  const volumes = sums.map((row) => ({
    source: row.source as string,
    tradeCount: Number(row.trade_count),
    baseVolume: parseDecimal(row.base_volume),
    quoteVolume: parseDecimal(row.quote_volume),
  }));
  const trades = sums.flatMap((row) => tradesOf(pair, row));
  const count = volumes.reduce((all, { tradeCount }) => all + tradeCount, 0);
  return { volumes, trades: count <= limit ? trades : null };
}

function tradesOf(pair: Pair, { source, named }: Row): PricedTrade[] {
  return (named ?? []).map(([ts, tradeId, price, baseAmount, quoteAmount]) => ({
    pair,
    ts: BigInt(ts),
    source: source as string,
    tradeId,
    price: parseDecimal(price),
    baseAmount: parseDecimal(baseAmount),
    quoteAmount: parseDecimal(quoteAmount),
  }));
}

/** What was found in several pairs whose trades count together. */
function joined(found: readonly FoundOutliers[], limit: number): FoundOutliers {
  const bySource = new Map<string, SourceVolumes>();
  for (const { source, tradeCount, baseVolume, quoteVolume } of found.flatMap(({ volumes }) => volumes)) {
    const before = bySource.get(source);
    bySource.set(source, {
      source,
      tradeCount: tradeCount + (before?.tradeCount ?? 0),
      baseVolume: before === undefined ? baseVolume : baseVolume.plus(before.baseVolume),
      quoteVolume: before === undefined ? quoteVolume : quoteVolume.plus(before.quoteVolume),
    });
  }
  const trades = found.flatMap(({ trades: each }) => each ?? []);
  const isNamed = found.every(({ trades: each }) => each !== null) && trades.length <= limit;
  return { volumes: [...bySource.values()], trades: isNamed ? trades : null };
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

/** What {@link isOutlier} holds a price outside the band to; nulls where the band itself decides. */
export function decisionOf(rule: OutlierRule) {
  if (rule.method === "mad") return { weight: null, sum: null, reach: null };
  const { statistics, k } = rule;
  return {
    weight: formatDecimal(statistics.weight),
    sum: formatDecimal(statistics.sum),
    reach: formatDecimal(squaredReach(statistics, k)),
  };
}

/** How much of the window is searched minute by minute; null: any part of it. */
function mostSeconds({ bucket, question }: PairSearch): string | null {
  if (question.tradeCount < BIG_WINDOW) return null;
  return String((Number(bucket.to - bucket.from) / 1e6) * WHOLE_WINDOW_SHARE);
}

// OFFSET 0 keeps each lookup one of its own, by index: joined, the planner may read whole tables. Sources are compared
// where that is a plain filter: `source = ANY` inside a lookup would be one lookup per source.
// Where retention has removed the minutes of an hour that is hit, its trades are looked through, if these are there.
function searchRollups(sql: Sql, parts: readonly PairSearch[], minutesFrom: Micros | undefined) {
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
  const hasMinutes = minutesFrom === undefined ? sql`true` : sql`bucket >= ${moment(minutesFrom)}::timestamptz`;
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
  return sql<Row[]>`
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
