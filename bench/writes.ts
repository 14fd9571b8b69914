import { formatDecimal, parseDecimal } from "../internal/canonical/decimal.ts";
import { formatTime, seconds } from "../internal/canonical/time.ts";
import type { TradeRow } from "../internal/canonical/trade.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import type { Sql } from "../internal/storage/connection/pool.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { compare } from "./compare.ts";
import { BENCH_TO, benchPairs, SOURCES } from "./trades.ts";

const PAIRS = benchPairs(20);
const TRADES = 5000;
const COLUMNS = "base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount";

/** The duration of each method of docs/decoders.md for the same number of new trades. */
export async function compareWrites(database: Database, rounds: number): Promise<void> {
  let written = 0;
  const inBatches = (size: number, write: (rows: readonly TradeRow[]) => Promise<unknown>) => async () => {
    const rows = Array.from({ length: TRADES }, () => tradeNumber(written++));
    for (let start = 0; start < rows.length; start += size) await write(rows.slice(start, start + size));
  };
  const unnest = (rows: readonly TradeRow[]) => writeTrades(database, rows);
  const { sql } = database;
  console.log(`\n${TRADES} new trades of one connection:`);
  await compare(
    {
      "INSERT … SELECT unnest, batches of 1000": inBatches(1000, unnest),
      "the same, batches of 5000": inBatches(5000, unnest),
      "the same, batches of 100": inBatches(100, unnest),
      "the same, batches of 10": inBatches(10, unnest),
      "COPY to a temporary table, INSERT … SELECT, batches of 1000": inBatches(1000, (rows) =>
        sql.begin((transaction) => writeStaged(transaction, rows)),
      ),
      "COPY to a temporary table, batches of 5000": inBatches(5000, (rows) =>
        sql.begin((transaction) => writeStaged(transaction, rows)),
      ),
      "COPY to trades, batches of 1000": inBatches(1000, (rows) => copyIn(sql, `trades (${COLUMNS})`, rows)),
    },
    rounds,
  );
}

async function writeStaged(sql: Sql, rows: readonly TradeRow[]): Promise<void> {
  await sql.unsafe(`
    CREATE TEMPORARY TABLE incoming (
      base_asset text, quote_asset text, ts timestamptz, source text, trade_id text, base_amount numeric,
      quote_amount numeric
    ) ON COMMIT DROP`);
  await copyIn(sql, "incoming", rows);
  await sql.unsafe(`INSERT INTO trades (${COLUMNS}) SELECT * FROM incoming ON CONFLICT DO NOTHING`);
}

async function copyIn(sql: Sql, into: string, rows: readonly TradeRow[]): Promise<void> {
  const stream = await sql.unsafe(`COPY ${into} FROM STDIN (FORMAT csv)`).writable();
  const text = rows.map(
    (row) =>
      `${row.base},${row.quote},${formatTime(row.ts)},${row.source},${row.tradeId},${formatDecimal(row.baseAmount)},${formatDecimal(row.quoteAmount)}\n`,
  );
  await new Promise<void>((resolve, reject) => {
    stream.once("error", reject).once("finish", resolve).end(text.join(""));
  });
}

/** Trades of all venues and pairs in turn, ten per second, after the day of the files. */
function tradeNumber(n: number): TradeRow {
  const pair = PAIRS[n % PAIRS.length];
  const source = SOURCES[Math.floor(n / PAIRS.length) % SOURCES.length];
  if (pair === undefined || source === undefined) throw new Error("the bench has no pair or no source");
  return {
    ...pair,
    ts: BENCH_TO + seconds(1) + BigInt(n) * 100_000n,
    source,
    tradeId: `${n}`,
    baseAmount: parseDecimal(`${1 + (n % 7)}.5`),
    quoteAmount: parseDecimal(`${100 + (n % 13)}.25`),
  };
}
