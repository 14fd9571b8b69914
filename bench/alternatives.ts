import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { type Decimal, dividePublished, parseDecimal, ZERO } from "../internal/canonical/decimal.ts";
import type { Pair } from "../internal/canonical/pair.ts";
import type { Micros } from "../internal/canonical/time.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import type { Sql } from "../internal/storage/connection/pool.ts";
import { timestamptz } from "../internal/storage/connection/timestamptz.ts";

const MOST_ROWS = 10_000;
const SIGMA = 4;

/** A method of reading one window. */
export type ReadWindow = (
  database: Database,
  pair: Pair,
  windowSeconds: number,
  to: Micros,
  sources: readonly string[],
) => Promise<unknown>;

/**
 * The method of other systems: the newest rows of the window, at most 10 000, filtered and averaged in the process. A window
 * with more trades gets a wrong answer.
 */
export async function fetchRows(
  { sql }: Database,
  pair: Pair,
  windowSeconds: number,
  to: Micros,
  sources: readonly string[],
): Promise<Decimal | null> {
  const rows = await sql<{ base_amount: string; quote_amount: string; price: string }[]>`
    ${tradesOf(sql, pair, windowSeconds, to, sources)}
    ORDER BY ts DESC LIMIT ${MOST_ROWS}::int`;
  const prices = rows.map(({ price }) => Number(price));
  const mean = prices.reduce((sum, price) => sum + price, 0) / prices.length;
  const deviation = Math.sqrt(prices.reduce((sum, price) => sum + (price - mean) ** 2, 0) / prices.length);
  let baseVolume = ZERO;
  let quoteVolume = ZERO;
  for (const [index, row] of rows.entries()) {
    if (Math.abs((prices[index] ?? mean) - mean) > SIGMA * deviation) continue;
    baseVolume = baseVolume.plus(parseDecimal(row.base_amount));
    quoteVolume = quoteVolume.plus(parseDecimal(row.quote_amount));
  }
  return baseVolume.isZero() ? null : dividePublished(quoteVolume, baseVolume);
}

/** The whole window in one statement, the outlier filter as a CTE. */
export async function plainSql(
  { sql }: Database,
  pair: Pair,
  windowSeconds: number,
  to: Micros,
  sources: readonly string[],
): Promise<Decimal | null> {
  const [row] = await sql<{ base_volume: string | null; quote_volume: string | null }[]>`
    WITH trade AS (
      ${tradesOf(sql, pair, windowSeconds, to, sources)}
    ), spread AS (SELECT count(*) AS n, sum(price) AS s, sum(price * price) AS q FROM trade)
    SELECT sum(base_amount)::text AS base_volume, sum(quote_amount)::text AS quote_volume
    FROM trade, spread
    WHERE (n * price - s) * (n * price - s) <= ${SIGMA * SIGMA}::int * (n * q - s * s)`;
  if (row?.base_volume == null || row.quote_volume == null) return null;
  return dividePublished(parseDecimal(row.quote_volume), parseDecimal(row.base_volume));
}

/** One pass over the window, the minimum for any method that reads all of its rows. */
export async function scanWindow(
  { sql }: Database,
  pair: Pair,
  windowSeconds: number,
  to: Micros,
  sources: readonly string[],
): Promise<void> {
  await sql`
    SELECT count(*), sum(price), sum(price * price), sum(base_amount), sum(quote_amount)
    FROM (${tradesOf(sql, pair, windowSeconds, to, sources)}) AS trade`;
}

function tradesOf(sql: Sql, { base, quote }: Pair, windowSeconds: number, to: Micros, sources: readonly string[]) {
  const { from } = bucketEndingAt(to, windowSeconds);
  return sql`
    SELECT base_amount, quote_amount, price FROM trades
    WHERE base_asset = ${base} AND quote_asset = ${quote}
      AND ts >= ${timestamptz(from)}::timestamptz AND ts < ${timestamptz(to)}::timestamptz
      AND source = ANY(${sources as string[]}::text[])`;
}
