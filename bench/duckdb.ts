import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Pair } from "../internal/canonical/pair.ts";
import { formatTime, type Micros } from "../internal/canonical/time.ts";
import { connect } from "../internal/storage/connection/pool.ts";

/** The used part of the package's interface. */
interface DuckDb {
  readonly version: () => string;
  readonly DuckDBInstance: { create(path: string): Promise<{ connect(): Promise<DuckConnection> }> };
}

interface DuckConnection {
  run(sql: string): Promise<unknown>;
  runAndReadAll(sql: string): Promise<{ getColumnsJS(): unknown[][] }>;
}

/** Not a dependency: its binaries are larger than all others together, and do not exist for every platform. */
const PACKAGE: string = "@duckdb/node-api";
export const HOW_TO_GET_DUCKDB = `npm install --no-save ${PACKAGE}`;

/** Returns DuckDB, or null if it is not installed. */
export async function loadDuckDb(): Promise<DuckDb | null> {
  try {
    return (await import(PACKAGE)) as DuckDb;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_MODULE_NOT_FOUND") return null;
    throw error;
  }
}

/** Amounts as exact decimals, summed exactly, or as floats. */
type Numbers = "DECIMAL" | "DOUBLE";

/** Computes the same values with DuckDB's window functions; each returns the total number of trades in all values. */
export interface Duck {
  readonly version: string;
  /** Window functions over single trades. */
  readonly overTrades: (numbers: Numbers) => Promise<number>;
  /** Window functions over sums per minute. */
  readonly overMinutes: (numbers: Numbers) => Promise<number>;
}

const COLUMNS: Readonly<Record<Numbers, string>> = {
  DECIMAL: "pair, ts, base, quote, 1 AS n",
  DOUBLE: "pair, ts, base_float AS base, quote_float AS quote, 1 AS n",
};

/** Loads the trades of pairs into memory, with a bucket end at each minute of the day before `to`. */
export async function openDuck(
  { DuckDBInstance, version }: DuckDb,
  url: string,
  directory: string,
  pairs: readonly Pair[],
  windows: readonly number[],
  to: Micros,
): Promise<Duck> {
  const file = join(directory, "trades.csv");
  // The driver's connection cannot be used afterwards.
  const sql = connect(url, { max: 1 });
  const rows = await sql`
    COPY (SELECT base_asset, (extract(epoch FROM ts) * 1000000)::bigint, base_amount, quote_amount FROM trades)
    TO STDOUT (FORMAT csv)`.readable();
  await pipeline(rows, createWriteStream(file));
  await sql.end({ timeout: 1 });
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(`
    CREATE TABLE trades AS
    SELECT pair, make_timestamp(micros) AS ts, base, quote, base::DOUBLE AS base_float, quote::DOUBLE AS quote_float
    FROM read_csv('${file}', header = false, columns = {
      pair: 'VARCHAR', micros: 'BIGINT', base: 'DECIMAL(18,8)', quote: 'DECIMAL(18,8)'
    })`);
  await rm(file);
  await connection.run(`
    CREATE TABLE ends AS
    SELECT pair, TIMESTAMP '${formatTime(to).slice(0, -1)}' - INTERVAL 1 MINUTE * n AS bucket_end
    FROM unnest([${pairs.map(({ base }) => `'${base}'`).join()}]) AS pairs (pair), range(1440) AS minutes (n)`);

  const values = async (rows: string, endsAt: string): Promise<number> => {
    const reader = await connection.runAndReadAll(windowsOver(rows, endsAt, windows));
    const counts = reader.getColumnsJS().slice(-windows.length).flat();
    return counts.reduce((all: number, count) => all + Number(count), 0);
  };
  return {
    version: version(),
    // A trade exactly at the end of a bucket belongs to the next one.
    overTrades: (numbers) => values(`SELECT ${COLUMNS[numbers]} FROM trades`, "bucket_end - INTERVAL 1 MICROSECOND"),
    overMinutes: (numbers) =>
      values(
        `SELECT pair, time_bucket(INTERVAL 1 MINUTE, ts) + INTERVAL 1 MINUTE AS ts, sum(base) AS base, sum(quote) AS quote,
          sum(n) AS n
        FROM (SELECT ${COLUMNS[numbers]} FROM trades) GROUP BY ALL`,
        "bucket_end",
      ),
  };
}

function windowsOver(rows: string, endsAt: string, windows: readonly number[]): string {
  const each = (text: (window: number) => string): string => windows.map(text).join(", ");
  return `
    WITH marked AS (
      SELECT pair, ts, base, quote, n, NULL AS bucket_end FROM (${rows})
      UNION ALL SELECT pair, ${endsAt}, 0, 0, 0, bucket_end FROM ends
    ), summed AS (
      SELECT pair, bucket_end, ${each((w) => `sum(base) OVER w${w} AS base${w}, sum(quote) OVER w${w} AS quote${w}, sum(n) OVER w${w} AS n${w}`)}
      FROM marked
      WINDOW ${each((w) => `w${w} AS (PARTITION BY pair ORDER BY ts RANGE BETWEEN to_microseconds(${w * 1_000_000 - 1}) PRECEDING AND CURRENT ROW)`)}
    )
    SELECT pair, bucket_end, ${each((w) => `base${w}, quote${w}, quote${w} / base${w} AS price${w}`)}, ${each((w) => `n${w}`)}
    FROM summed WHERE bucket_end IS NOT NULL ORDER BY bucket_end, pair`;
}
