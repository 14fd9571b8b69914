import { type Bucket, MINUTE, splitBucket } from "../../canonical/bucket.ts";
import { type Decimal, formatDecimal, parseDecimal, ZERO } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { PriceMedians } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { type Horizons, requireRows } from "../retention/horizons.ts";

/** The trades of which the median is computed. */
interface Selection {
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  readonly sources: readonly string[];
  /** Number of these trades. */
  readonly count: number;
}

/** Factor by which the band is widened if it does not contain the median. */
const WIDENING = 4;

/**
 * Computes the exact median of the prices and their median absolute deviation. See {@link TradeReader.medians}.
 * @throws RawDataExpired unless trades and minutes of the whole bucket are complete: which rows are read depends on
 *   prices
 */
export async function readMedians(
  sql: Sql,
  horizons: Horizons,
  pairs: readonly Pair[],
  bucket: Bucket,
  sources: readonly string[],
  count: number,
): Promise<PriceMedians> {
  requireRows(horizons, { trades: [bucket], minutes: [minutesOf(bucket)] });
  const selection = { pairs, bucket, sources, count };
  const median = await readMiddle(sql, selection, ZERO);
  return { median, mad: await readMiddle(sql, selection, median) };
}

/** Returns the median of |price − origin|; with origin 0 the median price, since prices are never negative. */
async function readMiddle(sql: Sql, selection: Selection, origin: Decimal): Promise<Decimal> {
  const { bucket, sources, count } = selection;
  // The median of s independent samples has a standard error of 1/(2·√s) of the ranks; twice that nearly always
  // suffices.
  const samples = (Number(bucket.to - bucket.from) / Number(MINUTE)) * sources.length;
  for (let reach = Math.ceil(count / Math.sqrt(samples)); ; reach *= WIDENING) {
    const middle = await middleWithin(sql, selection, origin, reach);
    if (middle !== null) return middle;
    if (reach > count) throw new Error(`there are fewer trades than the expected ${count}`);
  }
}

/**
 * Returns the median of |price − origin|, or null if it is not in the estimated band. The band is `reach` ranks around
 * the middle of the minutes' closing prices. Parts are rollups of one minute and source, and single trades at the
 * bucket's ends. Parts entirely below the band are counted, those above are ignored, and only those that overlap it are
 * read trade by trade. The band affects what is read, never the result.
 */
async function middleWithin(
  sql: Sql,
  { pairs, bucket, sources, count }: Selection,
  origin: Decimal,
  reach: number,
): Promise<Decimal | null> {
  const { headTrades, tailTrades } = splitBucket(bucket);
  const from = sql`${formatDecimal(origin)}::text::numeric`;
  const lower = Math.floor((count + 1) / 2);
  const upper = Math.floor(count / 2) + 1;
  const within = (time: string, part: Bucket) => sql`
    ${sql(time)} >= ${timestamptz(part.from)}::timestamptz AND ${sql(time)} < ${timestamptz(part.to)}::timestamptz`;
  const singles = (part: Bucket) =>
    part.from === part.to
      ? sql``
      : sql`
        UNION ALL
        SELECT ts, source, 1, price, price, price FROM trades
        WHERE base_asset = pair.base AND quote_asset = pair.quote AND ${within("ts", part)}`;
  // OFFSET 0 keeps one index lookup per pair and minute. Sources are compared outside of it, or each would be a lookup
  // of its own. The bucket is repeated inside it for TimescaleDB's chunk exclusion.
  const [row] = await sql<{ middle: string | null }[]>`
    WITH part AS MATERIALIZED (
      SELECT pair.base, pair.quote, part.minute, part.source, part.trades,
        greatest(part.price_min - ${from}, ${from} - part.price_max) AS low,
        greatest(part.price_max - ${from}, ${from} - part.price_min) AS high,
        abs(part.price_sample - ${from}) AS sample
      FROM unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[])
        AS pair (base, quote)
      CROSS JOIN LATERAL (
        SELECT bucket, source, trade_count, price_min, price_max, close_price FROM trades_1m
        WHERE base_asset = pair.base AND quote_asset = pair.quote AND ${within("bucket", minutesOf(bucket))}
        ${singles(headTrades)}
        ${singles(tailTrades)}
        OFFSET 0
      ) AS part (minute, source, trades, price_min, price_max, price_sample)
      WHERE part.source = ANY(${sources as string[]}::text[])
    ),
    band AS MATERIALIZED (
      SELECT coalesce(max(sample) FILTER (WHERE rank < ${String(lower - reach)}::text::bigint), 0) AS low,
        coalesce(min(sample) FILTER (WHERE rank > ${String(upper + reach)}::text::bigint), max(high)) AS high
      FROM (SELECT sample, high, sum(trades) OVER (ORDER BY sample) AS rank FROM part) AS sampled
    ),
    -- The distances of a part need not be read if all are below the band, or all are equal.
    known AS (
      SELECT part.low AS distance, part.trades
      FROM part CROSS JOIN band
      WHERE part.high < band.low OR (part.low = part.high AND part.low <= band.high)
    ),
    unknown AS (
      SELECT part.base, part.quote, part.minute, array_agg(part.source) AS sources
      FROM part CROSS JOIN band
      WHERE part.low < part.high AND part.low <= band.high AND part.high >= band.low
      GROUP BY part.base, part.quote, part.minute
    ),
    looked_up AS (
      SELECT trade.distance, 1 AS trades
      FROM unknown CROSS JOIN band
      CROSS JOIN LATERAL (
        SELECT source, abs(price - ${from}) AS distance FROM trades
        WHERE base_asset = unknown.base AND quote_asset = unknown.quote
          AND ts >= unknown.minute AND ts < unknown.minute + interval '1 minute' AND ${within("ts", bucket)}
        OFFSET 0
      ) AS trade
      WHERE trade.source = ANY(unknown.sources) AND trade.distance <= band.high
    ),
    -- Everything below the band gets the distance -1.
    ranked AS (
      SELECT placed.distance, sum(sum(placed.trades)) OVER (ORDER BY placed.distance) AS rank
      FROM (
        SELECT CASE WHEN near.distance < band.low THEN -1 ELSE near.distance END AS distance, near.trades
        FROM (TABLE known UNION ALL TABLE looked_up) AS near CROSS JOIN band
      ) AS placed
      GROUP BY placed.distance
    )
    SELECT CASE WHEN middle.lower >= 0 THEN (middle.lower + middle.upper) * 0.5 END::text AS middle
    FROM (
      SELECT min(distance) FILTER (WHERE rank >= ${String(lower)}::text::bigint) AS lower,
        min(distance) FILTER (WHERE rank >= ${String(upper)}::text::bigint) AS upper
      FROM ranked
    ) AS middle`;
  const middle = row?.middle ?? null;
  return middle === null ? null : parseDecimal(middle);
}

function minutesOf(bucket: Bucket): Bucket {
  const { headMinutes, tailMinutes } = splitBucket(bucket);
  return { from: headMinutes.from, to: tailMinutes.to };
}
