import type { PendingQuery, Row } from "postgres";
import type { Asset } from "../../canonical/asset.ts";
import { type Bucket, HOUR } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { floorTo, type Micros } from "../../canonical/time.ts";
import { FX_QUOTE_MAX_AGE } from "../../policy/floor.ts";
import type { ExpiredRate, FxQuote, FxRate, FxRates } from "../../policy/fx-rates.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { type Horizons, missingRows } from "../retention/horizons.ts";
import { inSpan } from "../windows/ranges.ts";
import { everyPair } from "./traded-pairs.ts";

/** Parameters of {@link TradeReader.fxQuote}. */
export interface FxQuestion {
  readonly currency: Asset;
  readonly sources: readonly string[];
  readonly at: Micros;
}

/**
 * Reads the last rate between each currency and USD at or before its time, in one statement. See
 * {@link TradeReader.fxQuote}.
 * @returns RawDataExpired in place of a rate if retention may have removed the last quote
 */
export async function readFxQuotes(
  sql: Sql,
  horizons: Horizons,
  questions: readonly FxQuestion[],
): Promise<(FxQuote | null | Error)[]> {
  const spans = questions.map(({ at }) => ({ from: at - FX_QUOTE_MAX_AGE, to: at + 1n }));
  const quotesOf = (base: PendingQuery<Row[]>, quote: PendingQuery<Row[]>, inverse: boolean) => sql`(
    SELECT ts, source, trade_id, price, ${inverse}::boolean AS inverse
    FROM trades
    WHERE base_asset = ${base} AND quote_asset = ${quote} AND price > 0
      AND ts >= asked.first AND ts <= asked.last AND ${inSpan(sql, "ts", spans)}
      AND source = ANY(string_to_array(asked.sources, ','))
    ORDER BY ts DESC, source DESC, length(trade_id) DESC, trade_id DESC
    LIMIT 1)`;
  const [currency, usd] = [sql`asked.currency`, sql`'fiat:USD'`];
  const rows = await sql<{ part: number; ts: string; price: string; inverse: boolean }[]>`
    SELECT asked.part, (extract(epoch FROM last.ts) * 1000000)::bigint::text AS ts, last.price::text AS price, last.inverse
    FROM unnest(
      ${questions.map((_, part) => String(part))}::text[]::int[],
      ${questions.map((question) => question.currency)}::text[],
      ${questions.map(({ sources }) => sources.join(","))}::text[],
      ${spans.map(({ from }) => timestamptz(from))}::text[]::timestamptz[],
      ${questions.map(({ at }) => timestamptz(at))}::text[]::timestamptz[]
    ) AS asked (part, currency, sources, first, last)
    CROSS JOIN LATERAL (
      SELECT ts, price, inverse
      FROM (${quotesOf(currency, usd, false)} UNION ALL ${quotesOf(usd, currency, true)}) AS quotes
      ORDER BY ts DESC, source DESC, length(trade_id) DESC, trade_id DESC, inverse
      LIMIT 1
    ) AS last`;
  const found = new Map(rows.map((row) => [row.part, row]));
  return questions.map(({ at }, part) => {
    const last = found.get(part);
    const from = last === undefined ? at - FX_QUOTE_MAX_AGE : BigInt(last.ts);
    const missing = missingRows(horizons, { trades: [{ from, to: at + 1n }] });
    return missing ?? (last === undefined ? null : { price: parseDecimal(last.price), inverse: last.inverse });
  });
}

interface RateRow {
  base_asset: Asset;
  quote_asset: Asset;
  ts: string | null;
  price: string | null;
  source: string | null;
  trade_id: string | null;
  quoted: string;
}

/** Older quotes are ignored instead of being reported as stale, to bound the cost of the search. */
const STALE_SEARCH = 31n * 24n * HOUR;

/**
 * Reads the last rates between currencies at or before `at`. See {@link TradeReader.fxRates}. The hour of the last
 * quote is found in the rollups, so that trades of other sources cost little.
 */
export async function readFxRates(
  sql: Sql,
  horizons: Horizons,
  sources: readonly string[],
  at: Micros,
  isChunked: boolean,
): Promise<FxRates> {
  const searched: Bucket = { from: at - STALE_SEARCH, to: at + 1n };
  const oldest = at - FX_QUOTE_MAX_AGE;
  const rows = await sql<RateRow[]>`
    WITH RECURSIVE ${everyPair(sql, [{ first: "fiat:", last: "fiat;" }], isChunked ? searched : null)}
    SELECT seen.base_asset, seen.quote_asset, last.source, last.trade_id, last.price::text AS price,
      (extract(epoch FROM last.ts) * 1000000)::bigint::text AS ts,
      (extract(epoch FROM hours.quoted) * 1000000)::bigint::text AS quoted
    FROM seen
    CROSS JOIN LATERAL (
      SELECT bucket AS quoted FROM trades_1h
      WHERE base_asset = seen.base_asset AND quote_asset = seen.quote_asset
        AND bucket > ${timestamptz(at - STALE_SEARCH)}::timestamptz AND bucket <= ${timestamptz(at)}::timestamptz
        AND open_ts <= ${timestamptz(at)}::timestamptz
        AND source = ANY(${sources as string[]}::text[])
      ORDER BY bucket DESC
      LIMIT 1
    ) AS hours
    LEFT JOIN LATERAL (
      SELECT ts, source, trade_id, price FROM trades
      WHERE base_asset = seen.base_asset AND quote_asset = seen.quote_asset AND price > 0
        AND ts >= ${timestamptz(oldest)}::timestamptz AND ts <= ${timestamptz(at)}::timestamptz
        AND ts < hours.quoted + interval '1 hour'
        AND source = ANY(${sources as string[]}::text[])
      ORDER BY ts DESC, source DESC, length(trade_id) DESC, trade_id DESC
      LIMIT 1
    ) AS last ON hours.quoted >= ${timestamptz(floorTo(oldest, HOUR))}::timestamptz
    WHERE seen.quote_asset LIKE 'fiat:%'
    ORDER BY last.ts DESC NULLS LAST, last.source DESC, length(last.trade_id) DESC, last.trade_id DESC,
      seen.quote_asset = 'fiat:USD' DESC, seen.base_asset`;
  const current = new Map<string, FxRate>();
  const stale: Pair[] = [];
  const expired: ExpiredRate[] = [];
  for (const row of rows) {
    const pair = { base: row.base_asset, quote: row.quote_asset };
    const currencies = [pair.base, pair.quote].sort(compareBytes).join(" ");
    // Rows are sorted by time: an older quote of the inverse pair does not matter.
    if (current.has(currencies)) continue;
    const isOld = BigInt(row.quoted) < floorTo(oldest, HOUR);
    // Rollups are kept longer than trades: a recent quote that they show must still exist as a trade.
    const needed = { from: row.ts === null ? oldest : BigInt(row.ts), to: at + 1n };
    const error = isOld ? null : missingRows(horizons, { trades: [needed] });
    if (error !== null) expired.push({ pair, error });
    else if (row.ts === null || row.price === null || row.source === null) stale.push(pair);
    else current.set(currencies, { pair, price: parseDecimal(row.price), ts: BigInt(row.ts), source: row.source });
  }
  return { current: [...current.values()], stale, expired };
}
