import type { CandlePrices } from "../aggregate/candles.ts";
import type { FilteredCandle, PriceFilter } from "../aggregate/reader.ts";
import { type Bucket, HOUR } from "../canonical/bucket.ts";
import { compareBytes } from "../canonical/compare.ts";
import { parseDecimal, sum } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Sql } from "./database.ts";
import { formingPrices } from "./forming-prices.ts";
import { type Horizons, missingRows } from "./horizons.ts";
import { moment } from "./moment.ts";
import { allPass, formsPrice, limitNames, passes, unnestedLimits } from "./price-filter.ts";
import { inSpan } from "./ranges.ts";

/** What {@link TradeReader.filteredCandle} is asked. */
export interface CandleSearch {
  readonly pairs: readonly Pair[];
  /** Of whole minutes. */
  readonly bucket: Bucket;
  readonly sources: readonly string[];
  readonly filter: PriceFilter;
}

/** The search in one of its pairs; `part` is its place among the searches. */
interface Part extends Omit<CandleSearch, "pairs"> {
  readonly part: number;
  readonly pair: Pair;
  /** Whether its hours are looked at first. */
  readonly inHours: boolean;
}

/** Time, source, id and price. */
type Trade = [ts: string, source: string, id: string, price: string];
const PRICE = 3;

/** What is found in one of the pairs. */
interface Row {
  readonly part: number;
  readonly needed_from: string | null;
  readonly trade_count: string;
  readonly base_volume: string;
  readonly quote_volume: string;
  readonly high: string | null;
  readonly low: string | null;
  /** The first and the last trade that form a price. */
  readonly first: Trade | null;
  readonly last: Trade | null;
}

/** Prices with the trades that open and close. */
interface KeyedPrices extends CandlePrices {
  readonly first: Trade;
  readonly last: Trade;
}

/**
 * What the filters leave of the candles, in one statement. Rollups whose extremes lie inside a filter count as they are; the
 * others are looked into, hours by their minutes and minutes by their trades. See {@link TradeReader.filteredCandle}.
 * @returns RawDataExpired for a candle that would need rows which retention has removed
 */
export async function readFilteredCandles(
  sql: Sql,
  horizons: Horizons,
  searches: readonly CandleSearch[],
): Promise<(FilteredCandle | Error)[]> {
  const parts = searches.flatMap(({ pairs, ...search }, part) =>
    pairs.map((pair) => ({ part, pair, inHours: isOfHours(search.bucket), ...search })),
  );
  const rows = searches.map((): Row[] => []);
  if (parts.length > 0) for (const row of await searchRollups(sql, horizons, parts)) rows[row.part]?.push(row);
  return searches.map(({ bucket }, part) => {
    const found = rows[part] ?? [];
    const rollups = isOfHours(bucket) ? { hours: [bucket] } : { minutes: [bucket] };
    const trades = found.flatMap(({ needed_from }) =>
      needed_from === null ? [] : [{ from: BigInt(needed_from), to: bucket.to }],
    );
    return missingRows(horizons, { ...rollups, trades }) ?? candleOf(found);
  });
}

function isOfHours({ from, to }: Bucket): boolean {
  return from % HOUR === 0n && to % HOUR === 0n;
}

/** The pairs of one candle together; they come in order. */
function candleOf(rows: readonly Row[]): FilteredCandle {
  const [first, ...others] = rows.flatMap(pricesOf);
  return {
    prices: first === undefined ? null : withoutKeys(others.reduce(joined, first)),
    tradeCount: rows.reduce((all, { trade_count }) => all + Number(trade_count), 0),
    baseVolume: sum(rows.map(({ base_volume }) => parseDecimal(base_volume))),
    quoteVolume: sum(rows.map(({ quote_volume }) => parseDecimal(quote_volume))),
  };
}

/** None where no trade forms a price. */
function pricesOf({ first, last, high, low }: Row): KeyedPrices[] {
  if (first === null || last === null || high === null || low === null) return [];
  const [open, close] = [parseDecimal(first[PRICE]), parseDecimal(last[PRICE])];
  return [{ first, last, open, close, high: parseDecimal(high), low: parseDecimal(low) }];
}

function withoutKeys({ open, high, low, close }: KeyedPrices): CandlePrices {
  return { open, high, low, close };
}

function joined(one: KeyedPrices, other: KeyedPrices): KeyedPrices {
  const { first, open } = isBefore(other.first, one.first) ? other : one;
  const { last, close } = isBefore(other.last, one.last) ? one : other;
  return {
    ...{ first, open, last, close },
    high: other.high.greaterThan(one.high) ? other.high : one.high,
    low: other.low.lessThan(one.low) ? other.low : one.low,
  };
}

/** By the order of trades within a pair. */
function isBefore([ts, source, id]: Trade, [otherTs, otherSource, otherId]: Trade): boolean {
  if (ts !== otherTs) return BigInt(ts) < BigInt(otherTs);
  return (compareBytes(source, otherSource) || [...id].length - [...otherId].length || compareBytes(id, otherId)) < 0;
}

/**
 * Answers for each candle and pair by itself, with all that is found of it at hand. OFFSET 0 keeps lookups by index; sources
 * are compared as expressions, for by their column they would be looked up one by one. An hour whose minutes retention has
 * removed is looked into by its trades, if these are there.
 */
function searchRollups(sql: Sql, horizons: Horizons, parts: readonly Part[]) {
  const buckets = parts.map(({ bucket }) => bucket);
  const minutesFrom = horizons.get("trades_1m");
  const hasMinutes = minutesFrom === undefined ? sql`true` : sql`hour.bucket >= ${moment(minutesFrom)}::timestamptz`;
  const ofPair = sql`base_asset = asked.base AND quote_asset = asked.quote`;
  const ofCandle = sql`
    ${ofPair} AND bucket >= asked.first AND bucket < asked.past AND ${inSpan(sql, "bucket", buckets)}
    AND source || '' = ANY(asked.counted)`;
  return sql<Row[]>`
    SELECT asked.part, found.*
    FROM (SELECT *, string_to_array(sources, ',') AS counted FROM ${unnestParts(sql, parts)} OFFSET 0) AS asked
    CROSS JOIN LATERAL (
      WITH hour AS MATERIALIZED (
        SELECT ${rollupColumns(sql)} FROM trades_1h WHERE asked.in_hours AND ${ofCandle}
      ),
      minute AS MATERIALIZED (
        SELECT ${rollupColumns(sql)} FROM trades_1m WHERE NOT asked.in_hours AND ${ofCandle}
        UNION ALL
        SELECT inside.*
        FROM hour
        CROSS JOIN LATERAL (
          SELECT ${rollupColumns(sql)} FROM trades_1m
          WHERE ${ofPair} AND bucket >= hour.bucket AND bucket < hour.bucket + interval '1 hour'
            AND source = hour.source AND ${inSpan(sql, "bucket", buckets)}
          OFFSET 0
        ) AS inside
        WHERE NOT hour.all_pass AND ${hasMinutes}
      ),
      stretch AS MATERIALIZED (
        SELECT source, bucket AS first, bucket + interval '1 minute' AS past FROM minute WHERE NOT all_pass
        UNION ALL
        SELECT source, bucket, bucket + interval '1 hour' FROM hour WHERE NOT (all_pass OR ${hasMinutes})
      ),
      piece AS MATERIALIZED (
        SELECT * FROM hour WHERE all_pass
        UNION ALL
        SELECT * FROM minute WHERE all_pass
        UNION ALL
        SELECT trade.*
        FROM stretch
        CROSS JOIN LATERAL (
          SELECT ts AS bucket, source, true AS all_pass, 1::bigint AS trade_count, base_amount AS base_volume,
            quote_amount AS quote_volume, ts AS first_ts, trade_id AS first_id, formed AS open, formed AS high,
            formed AS low, ts AS last_ts, trade_id AS last_id, formed AS close
          FROM (SELECT *, CASE WHEN ${formsPrice(sql)} THEN price END AS formed FROM trades) AS trades
          WHERE ${ofPair} AND source = stretch.source AND ts >= stretch.first AND ts < stretch.past
            AND ${inSpan(sql, "ts", buckets)} AND ${passes(sql, "asked")}
          OFFSET 0
        ) AS trade
      )
      SELECT
        (SELECT (extract(epoch FROM min(first)) * 1000000)::bigint::text FROM stretch) AS needed_from,
        coalesce(sum(trade_count), 0)::text AS trade_count, coalesce(sum(base_volume), 0)::text AS base_volume,
        coalesce(sum(quote_volume), 0)::text AS quote_volume, max(high)::text AS high, min(low)::text AS low,
        (
          SELECT ARRAY[((extract(epoch FROM first_ts) * 1000000)::bigint)::text, source, first_id, open::text]
          FROM piece WHERE open IS NOT NULL ORDER BY first_ts, source, length(first_id), first_id LIMIT 1
        ) AS first,
        (
          SELECT ARRAY[((extract(epoch FROM last_ts) * 1000000)::bigint)::text, source, last_id, close::text]
          FROM piece WHERE close IS NOT NULL
          ORDER BY last_ts DESC, source DESC, length(last_id) DESC, last_id DESC LIMIT 1
        ) AS last
      FROM piece
      OFFSET 0
    ) AS found
    ORDER BY asked.base COLLATE "C", asked.quote COLLATE "C"`;
}

function rollupColumns(sql: Sql) {
  return sql`
    bucket, source, (imprecise_count IS NOT NULL AND ${allPass(sql, "asked")}) AS all_pass,
    trade_count, base_volume, quote_volume, ${formingPrices(sql)}`;
}

function unnestParts(sql: Sql, parts: readonly Part[]) {
  return sql`
    unnest(
      ${parts.map(({ part }) => String(part))}::text[]::int[],
      ${parts.map(({ pair }) => pair.base)}::text[], ${parts.map(({ pair }) => pair.quote)}::text[],
      ${parts.map(({ bucket }) => moment(bucket.from))}::text[]::timestamptz[],
      ${parts.map(({ bucket }) => moment(bucket.to))}::text[]::timestamptz[],
      ${parts.map(({ inHours }) => String(inHours))}::text[]::boolean[],
      ${parts.map(({ sources }) => sources.join(","))}::text[],
      ${unnestedLimits(
        sql,
        parts.map(({ filter }) => filter),
      )}
    ) AS asked (part, base, quote, first, past, in_hours, sources, ${limitNames(sql)})`;
}
