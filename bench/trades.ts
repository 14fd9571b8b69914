import { MINUTE } from "../internal/canonical/bucket.ts";
import { parsePair } from "../internal/canonical/pair.ts";
import { floorTo, seconds } from "../internal/canonical/time.ts";
import { systemClock } from "../internal/lib/clock.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { timestamptz } from "../internal/storage/connection/timestamptz.ts";
import { progress } from "./database.ts";

/** The measured bucket end: recent like that of a tick, half a minute past the minute, after 24 hours of trades. */
export const BENCH_TO = floorTo(systemClock.now() - seconds(30), MINUTE) + seconds(30);
const BENCH_FROM = timestamptz(BENCH_TO - seconds(86_400));

export const SOURCES = ["binance", "kraken", "coinbase", "bitstamp", "sdex"];

const BATCH = 50_000;

/** `T0/USD`, `T1/USD`, … */
export function benchPairs(count: number, ticker = "T") {
  return Array.from({ length: count }, (_, index) => parsePair(`crypto:${ticker}${index}/fiat:USD`));
}

/**
 * Writes trades of one pair, evenly over the 24 hours before {@link BENCH_TO} and over five sources, around a price of 100;
 * `outlierEvery` makes every n-th trade an outlier at ten times the price; 0 makes none.
 */
export function fillPair(database: Database, ticker: string, count: number, outlierEvery: number): Promise<void> {
  return fill(database, { prefix: ticker, pairs: null, count, outlierEvery });
}

/** Does the same for several pairs with one prefix, in turn. */
export function fillPairs(database: Database, prefix: string, pairs: number, count: number): Promise<void> {
  return fill(database, { prefix, pairs, count, outlierEvery: 20_000 });
}

async function fill(
  { sql }: Database,
  { prefix, pairs, count, outlierEvery }: { prefix: string; pairs: number | null; count: number; outlierEvery: number },
): Promise<void> {
  const ticker = pairs === null ? sql`''` : sql`(n % ${String(pairs)}::text::int)::text`;
  for (let done = 0; done < count; done += BATCH) {
    progress(`writing trades of ${prefix}: ${done} of ${count}`);
    await sql`
      INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
      SELECT
        'crypto:' || ${prefix}::text || ${ticker}, 'fiat:USD',
        ${BENCH_FROM}::timestamptz + n * (interval '24 hours' / ${String(count)}::text::int),
        (array['binance', 'kraken', 'coinbase', 'bitstamp', 'sdex'])[1 + (n * 7919::bigint / 1000) % 5], n::text,
        size, round(size * (100 + sin(n / 1000.0)::numeric + (n::bigint * 7919 % 1000) / 10000.0) * CASE
          WHEN ${String(outlierEvery)}::text::int > 0 AND n % greatest(${String(outlierEvery)}::text::int, 1) = 0 THEN 10
          ELSE 1
        END, 8)
      FROM (
        SELECT n, 0.001 + (n::bigint * 104729 % 100000) / 10000.0 AS size
        FROM generate_series(${String(done)}::text::int, ${String(Math.min(done + BATCH, count) - 1)}::text::int) AS n
      ) AS numbered`;
  }
  progress("");
}

/** Writes a rate between USD and EUR. */
export async function fillRate({ sql }: Database): Promise<void> {
  await sql`
    INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
    VALUES ('fiat:EUR', 'fiat:USD', ${BENCH_FROM}::timestamptz, 'ecb', '1', 1, 1.0811)`;
}
