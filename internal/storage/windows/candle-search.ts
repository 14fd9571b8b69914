import type { Bucket } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { PriceFilter } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import type { Horizons } from "../retention/horizons.ts";
import { formingPrices } from "./forming-prices.ts";
import { allPass, formsPrice, limitNames, passes, unnestedLimits } from "./price-filter.ts";
import { inSpan } from "./ranges.ts";

/** Parameters of {@link TradeReader.filteredCandle}. */
export interface CandleSearch {
  readonly pairs: readonly Pair[];
  /** Begins and ends on whole minutes. */
  readonly bucket: Bucket;
  readonly sources: readonly string[];
  readonly filter: PriceFilter;
}

/** The search in one pair; `part` is the index of its search. */
export interface PairCandleSearch extends Omit<CandleSearch, "pairs"> {
  readonly part: number;
  readonly pair: Pair;
  /** Whether hour rollups are read first. */
  readonly inHours: boolean;
}

/** Time, source, id and price. */
export type CandleTrade = [ts: string, source: string, id: string, price: string];

/** The result for one pair. */
export interface CandleRow {
  readonly part: number;
  readonly needed_from: string | null;
  readonly trade_count: string;
  readonly base_volume: string;
  readonly quote_volume: string;
  readonly high: string | null;
  readonly low: string | null;
  /** The first and the last trade that form a price. */
  readonly first: CandleTrade | null;
  readonly last: CandleTrade | null;
}

/**
 * Reads hours, the minutes of hours whose prices do not all pass, and the trades of such minutes, in one statement.
 * OFFSET 0 keeps one index lookup per candle and pair. Sources are compared as expressions: with the plain column each
 * would be a lookup of its own. If retention has removed the minutes of an hour, its trades are read instead.
 * @returns in the order of the pairs
 */
export async function searchCandles(
  sql: Sql,
  horizons: Horizons,
  parts: readonly PairCandleSearch[],
): Promise<readonly CandleRow[]> {
  if (parts.length === 0) return [];
  const buckets = parts.map(({ bucket }) => bucket);
  const minutesFrom = horizons.get("trades_1m");
  const hasMinutes =
    minutesFrom === undefined ? sql`true` : sql`hour.bucket >= ${timestamptz(minutesFrom)}::timestamptz`;
  const ofPair = sql`base_asset = asked.base AND quote_asset = asked.quote`;
  const ofCandle = sql`
    ${ofPair} AND bucket >= asked.first AND bucket < asked.past AND ${inSpan(sql, "bucket", buckets)}
    AND source || '' = ANY(asked.counted)`;
  return sql<CandleRow[]>`
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

/** Columns of a rollup: whether all of its trades pass, and the prices of those that form one. */
function rollupColumns(sql: Sql) {
  return sql`
    bucket, source, (imprecise_count IS NOT NULL AND ${allPass(sql, "asked")}) AS all_pass,
    trade_count, base_volume, quote_volume, ${formingPrices(sql)}`;
}

function unnestParts(sql: Sql, parts: readonly PairCandleSearch[]) {
  return sql`
    unnest(
      ${parts.map(({ part }) => String(part))}::text[]::int[],
      ${parts.map(({ pair }) => pair.base)}::text[], ${parts.map(({ pair }) => pair.quote)}::text[],
      ${parts.map(({ bucket }) => timestamptz(bucket.from))}::text[]::timestamptz[],
      ${parts.map(({ bucket }) => timestamptz(bucket.to))}::text[]::timestamptz[],
      ${parts.map(({ inHours }) => String(inHours))}::text[]::boolean[],
      ${parts.map(({ sources }) => sources.join(","))}::text[],
      ${unnestedLimits(
        sql,
        parts.map(({ filter }) => filter),
      )}
    ) AS asked (part, base, quote, first, past, in_hours, sources, ${limitNames(sql)})`;
}
