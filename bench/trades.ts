import { parsePair } from "../internal/canonical/pair.ts";
import { parseTime } from "../internal/canonical/time.ts";
import type { Database } from "../internal/storage/database.ts";

/** The bucket end that is measured: 24 hours of trades lie before it. Off the hour and the minute, as most are. */
export const BENCH_TO = parseTime("2026-03-02T10:17:30Z");

/** The first one gets a tenth of all trades. */
export const BENCH_PAIRS = Array.from({ length: 20 }, (_, index) => parsePair(`crypto:T${index}/fiat:USD`));

const BATCH = 20_000;

/** Pairs with a market in USD besides, and the same assets in EUR, where none trades. */
export const QUIET_PAIRS = Array.from({ length: 30 }, (_, index) => parsePair(`crypto:Q${index}/fiat:USD`));
export const UNTRADED_PAIRS = [...BENCH_PAIRS, ...QUIET_PAIRS].map(({ base }) => parsePair(`${base}/fiat:EUR`));

/** Writes a tenth of the trades into the quiet pairs, and a rate between USD and EUR. */
export async function fillQuietPairs({ sql }: Database, count: number): Promise<void> {
  await sql`
    INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
    SELECT 'crypto:Q' || n % 30, 'fiat:USD', timestamptz '2026-03-01 10:17:30+00' + n * (interval '24 hours' / ${String(Math.floor(count / 10))}::text::int),
      (array['binance', 'kraken', 'coinbase', 'bitstamp', 'sdex'])[1 + (n / 7) % 5], n::text,
      1 + n % 7, (1 + n % 7) * (50 + n % 3)
    FROM generate_series(0, ${String(Math.floor(count / 10) - 1)}::text::int) AS n
    UNION ALL
    SELECT 'fiat:EUR', 'fiat:USD', timestamptz '2026-03-01 15:00:00+00', 'ecb', '2026-03-01', 1, 1.0811`;
}

/** Writes trades spread over 24 hours, pairs and five sources; one in 20 000 is a print at ten times the price. */
export async function fillTrades({ sql }: Database, count: number, onProgress: (done: number) => void): Promise<void> {
  for (let done = 0; done < count; done += BATCH) {
    await sql`
      INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
      SELECT
        'crypto:T' || CASE WHEN n % 10 = 0 THEN 0 ELSE 1 + n % 19 END, 'fiat:USD',
        timestamptz '2026-03-01 10:17:30+00' + n * (interval '24 hours' / ${String(count)}::text::int),
        (array['binance', 'kraken', 'coinbase', 'bitstamp', 'sdex'])[1 + (n / 7) % 5], n::text,
        size, round(size * (100 + sin(n / 1000.0)::numeric + (n::bigint * 7919 % 1000) / 10000.0)
          * CASE WHEN n % 20000 = 0 THEN 10 ELSE 1 END, 8)
      FROM (
        SELECT n, 0.001 + (n::bigint * 104729 % 100000) / 10000.0 AS size
        FROM generate_series(${String(done)}::text::int, ${String(Math.min(done + BATCH, count) - 1)}::text::int) AS n
      ) AS numbered`;
    onProgress(Math.min(done + BATCH, count));
  }
}
