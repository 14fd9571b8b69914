import type postgres from "postgres";
import { formatTime, type Micros } from "../internal/canonical/time.ts";
import type { Sql } from "../internal/storage/connection/pool.ts";

/** The distribution of a batch's trades over pairs and sources. */
export interface Spread {
  readonly pairs: number;
  readonly sources: number;
}

/** Texts by column: base, quote, ts, source, trade_id, base_amount, quote_amount. */
export type Batch = readonly (readonly string[])[];

const SOURCES = ["binance", "kraken", "coinbase", "bitstamp", "sdex"] as const;

/** Returns trades number `first` to `first + count - 1`, the n-th at `timeOf(n)`; `venue` makes the sources unique. */
export function makeBatch(
  { pairs, sources }: Spread,
  first: number,
  count: number,
  timeOf: (n: number) => Micros,
  venue = "",
): Batch {
  const numbers = Array.from({ length: count }, (_, index) => first + index);
  const amounts = numbers.map(amountsOf);
  return [
    numbers.map((n) => `crypto:T${n % pairs}`),
    numbers.map(() => "fiat:USD"),
    numbers.map((n) => formatTime(timeOf(n))),
    numbers.map((n) => `${SOURCES[Math.floor(n / pairs) % sources]}${venue}`),
    numbers.map((n) => `${10_000_000 + n}`),
    amounts.map(({ base }) => base),
    amounts.map(({ quote }) => quote),
  ];
}

/** Writes a batch in one statement, as docs/decoders.md shows it. */
export async function insertBatch(sql: Sql, batch: Batch): Promise<void> {
  const [bases, quotes, times, sources, ids, baseAmounts, quoteAmounts] = batch as string[][];
  await sql`
    INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
    SELECT * FROM unnest(
      ${bases ?? []}::text[], ${quotes ?? []}::text[], ${times ?? []}::text[]::timestamptz[], ${sources ?? []}::text[],
      ${ids ?? []}::text[], ${baseAmounts ?? []}::text[]::numeric[], ${quoteAmounts ?? []}::text[]::numeric[]
    )
    ON CONFLICT DO NOTHING`;
}

/** Returns the server's settings that affect the speed of inserts. */
export async function describeDurability({ sql }: { readonly sql: postgres.Sql }): Promise<string> {
  const settings = await sql<{ name: string; setting: string }[]>`
    SELECT name, current_setting(name) AS setting FROM unnest(
      ARRAY['synchronous_commit', 'fsync', 'shared_buffers', 'max_wal_size', 'autovacuum']) AS name`;
  return settings.map(({ name, setting }) => `${name} = ${setting}`).join(", ");
}

/** Sizes have 7 decimals; half of the prices are short, the others are ratios of rounded amounts. */
function amountsOf(n: number): { base: string; quote: string } {
  const size = 10_000_000n + ((BigInt(n) * 7919n) % 1_000_000n) * 97n;
  const price = 30_000n + ((BigInt(n) * 104_729n) % 997n);
  const value = size * price;
  return n % 2 === 0
    ? { base: decimal(size, 7), quote: decimal(value, 12) }
    : { base: decimal(size, 7), quote: decimal(value / 100_000n, 7) };
}

function decimal(units: bigint, places: number): string {
  const digits = units.toString().padStart(places + 1, "0");
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}
