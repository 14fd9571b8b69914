import { squaredReach } from "../aggregate/outliers.ts";
import type { OutlierQuestion, OutlierRule, PricedTrade, SourceVolumes } from "../aggregate/reader.ts";
import type { Asset } from "../canonical/asset.ts";
import { type Bucket, MINUTE, splitBucket } from "../canonical/bucket.ts";
import { formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import type { Sql } from "./database.ts";
import { type Horizons, requireRows } from "./horizons.ts";
import { moment } from "./moment.ts";

/** A stretch of one pair's raw trades. */
interface Range extends Bucket {
  readonly pair: Pair;
}

/** Above this part of a window's minutes, reading the whole window costs less than jumping from minute to minute. */
const WHOLE_WINDOW_SHARE = 0.5;

/** The trades outside the band, at most `limit`; null where there are more. See {@link TradeReader.tradesOutside}. */
export async function readTradesOutside(
  sql: Sql,
  horizons: Horizons,
  pairs: readonly Pair[],
  bucket: Bucket,
  question: OutlierQuestion,
  limit: number,
): Promise<PricedTrade[] | null> {
  const ranges = await rangesOutside(sql, horizons, pairs, bucket, question);
  if (ranges.length === 0) return [];
  const rows = await sql<
    {
      base_asset: Asset;
      quote_asset: Asset;
      ts: string;
      source: string;
      trade_id: string;
      price: string;
      base_amount: string;
      quote_amount: string;
    }[]
  >`
    SELECT base_asset, quote_asset, (extract(epoch FROM ts) * 1000000)::bigint::text AS ts, source, trade_id,
      price::text AS price, base_amount::text AS base_amount, quote_amount::text AS quote_amount
    FROM ${tradesIn(sql, bucket, ranges, question)}
    LIMIT ${limit + 1}::int`;
  if (rows.length > limit) return null;
  return rows.map((row) => ({
    pair: { base: row.base_asset, quote: row.quote_asset },
    ts: BigInt(row.ts),
    source: row.source,
    tradeId: row.trade_id,
    price: parseDecimal(row.price),
    baseAmount: parseDecimal(row.base_amount),
    quoteAmount: parseDecimal(row.quote_amount),
  }));
}

/** Sums per source of the outliers, decided exactly in the database. See {@link TradeReader.outlierTotals}. */
export async function readOutlierTotals(
  sql: Sql,
  horizons: Horizons,
  pairs: readonly Pair[],
  bucket: Bucket,
  question: OutlierQuestion,
): Promise<SourceVolumes[]> {
  const ranges = await rangesOutside(sql, horizons, pairs, bucket, question);
  if (ranges.length === 0) return [];
  const rows = await sql<{ source: string; trade_count: string; base_volume: string; quote_volume: string }[]>`
    SELECT source, count(*)::text AS trade_count, sum(base_amount)::text AS base_volume,
      sum(quote_amount)::text AS quote_volume
    FROM ${tradesIn(sql, bucket, ranges, question)}
    WHERE ${breaks(sql, question.rule)}
    GROUP BY source`;
  return rows.map((row) => ({
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
    trade.price * ${String(statistics.count)}::text::numeric - ${formatDecimal(statistics.sum)}::text::numeric)`;
  return sql`${distance} * ${distance} > ${formatDecimal(squaredReach(statistics, k))}::text::numeric`;
}

// OFFSET 0 keeps the lookup of each range one of its own, by index: joined, the planner may read the whole table. The
// sources are asked for outside of it, for they would be looked up one by one; the bucket is asked for once more, for
// TimescaleDB to leave out other chunks.
function tradesIn(sql: Sql, bucket: Bucket, ranges: readonly Range[], { sources, band }: OutlierQuestion) {
  return sql`
    unnest(
      ${ranges.map(({ pair }) => pair.base)}::text[], ${ranges.map(({ pair }) => pair.quote)}::text[],
      ${ranges.map(({ from }) => moment(from))}::text[]::timestamptz[],
      ${ranges.map(({ to }) => moment(to))}::text[]::timestamptz[]
    ) AS range (base, quote, first, past)
    JOIN LATERAL (
      SELECT * FROM trades
      WHERE base_asset = range.base AND quote_asset = range.quote AND ts >= range.first AND ts < range.past
        AND (price < ${formatDecimal(band.low)}::text::numeric OR price > ${formatDecimal(band.high)}::text::numeric)
        AND ts >= ${moment(bucket.from)}::timestamptz AND ts < ${moment(bucket.to)}::timestamptz
      OFFSET 0
    ) AS trade ON trade.source = ANY(${sources as string[]}::text[])`;
}

/** Where trades outside the band are to be looked for: found from the least and greatest prices of the rollups. */
async function rangesOutside(
  sql: Sql,
  horizons: Horizons,
  pairs: readonly Pair[],
  bucket: Bucket,
  { sources, band }: OutlierQuestion,
): Promise<Range[]> {
  const { headTrades, headMinutes, hours, tailMinutes, tailTrades } = splitBucket(bucket);
  const isHit = (table: string) => sql`(
    ${sql(table)}.price_min < ${formatDecimal(band.low)}::text::numeric
    OR ${sql(table)}.price_max > ${formatDecimal(band.high)}::text::numeric)
    AND ${sql(table)}.source = ANY(${sources as string[]}::text[])`;
  const minutesOf = (part: Bucket) => sql`
    SELECT DISTINCT bucket FROM trades_1m AS minute
    WHERE base_asset = pair.base AND quote_asset = pair.quote
      AND bucket >= ${moment(part.from)}::timestamptz AND bucket < ${moment(part.to)}::timestamptz
      AND ${isHit("minute")}`;
  const hits = await sql<{ position: string; minute: string }[]>`
    SELECT pair.position::text AS position, (extract(epoch FROM hit.bucket) * 1000000)::bigint::text AS minute
    FROM unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[])
      WITH ORDINALITY AS pair (base, quote, position)
    CROSS JOIN LATERAL (
      ${minutesOf(headMinutes)}
      UNION
      ${minutesOf(tailMinutes)}
      UNION
      SELECT DISTINCT minute.bucket
      FROM trades_1h AS hour
      JOIN trades_1m AS minute ON minute.base_asset = pair.base AND minute.quote_asset = pair.quote
        AND minute.bucket >= hour.bucket AND minute.bucket < hour.bucket + interval '1 hour'
        AND minute.bucket >= ${moment(hours.from)}::timestamptz AND minute.bucket < ${moment(hours.to)}::timestamptz
        AND minute.source = hour.source
      WHERE hour.base_asset = pair.base AND hour.quote_asset = pair.quote
        AND hour.bucket >= ${moment(hours.from)}::timestamptz AND hour.bucket < ${moment(hours.to)}::timestamptz
        AND ${isHit("hour")} AND ${isHit("minute")}
    ) AS hit
    ORDER BY pair.position, hit.bucket`;
  const byPair = pairs.map(() => [] as Micros[]);
  for (const { position, minute } of hits) byPair[Number(position) - 1]?.push(BigInt(minute));
  const ranges = pairs.flatMap((pair, index) => {
    const minutes = byPair[index] ?? [];
    const share = (minutes.length * Number(MINUTE)) / Number(bucket.to - bucket.from);
    const parts = share > WHOLE_WINDOW_SHARE ? [bucket] : [headTrades, ...joinMinutes(minutes), tailTrades];
    return parts.filter(({ from, to }) => from < to).map((part) => ({ pair, ...part }));
  });
  requireRows(horizons, { trades: ranges });
  return ranges;
}

/** Neighbouring minutes as one range. */
function joinMinutes(minutes: readonly Micros[]): Bucket[] {
  const joined: { from: Micros; to: Micros }[] = [];
  for (const minute of minutes) {
    const last = joined.at(-1);
    if (last?.to === minute) last.to = minute + MINUTE;
    else joined.push({ from: minute, to: minute + MINUTE });
  }
  return joined;
}
