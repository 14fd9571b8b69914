import { ceilTo, floorTo, type Micros, seconds } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { planForTimes } from "../connection/read-only.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { insertTrades, readStored, type WriteOutcome, writeTrades } from "../trades/trades.ts";
import { decompressWithoutLimit, MOST_CHUNKS } from "./chunks.ts";
import { isHypertable } from "./timescale.ts";

const DAY = seconds(86_400);
/** Length of new chunks for sparse history: creating a chunk per day would take longer than inserting its rows. */
const SPARSE_CHUNK = 90n * DAY;
/** Rows are sparse if they span at least this many days, with fewer rows a day than SPARSE_ROWS_A_DAY. */
const SPARSE_DAYS = 8;
const SPARSE_ROWS_A_DAY = 100;
/** A long chunk must end this long before now, so that live trades never go into it. */
const SETTLED_AFTER = 7n * DAY;
const WRITTEN = ["trades", "trades_1m"] as const;

/** Writes a batch like {@link writeTrades}: atomically, or on a hypertable in one transaction per range of time. */
export type WriteBatch = <Row extends TradeRow>(rows: readonly Row[]) => Promise<WriteOutcome<Row>>;

/**
 * Returns the writer for batches that may span any time. Ordinary tables take one statement. On hypertables each
 * transaction touches few chunks, and sparse history goes into long chunks if the role owns the tables.
 * @param now the current time, near which decoders write
 */
export async function batchWriterFor(database: Database, now: () => Micros): Promise<WriteBatch> {
  if (!(await isHypertable(database.sql, "trades"))) return (rows) => writeTrades(database, rows);
  const intervals = await readIntervals(database.sql);
  const step = intervals.reduce((least, { micros }) => (micros < least ? micros : least), DAY);
  return async <Row extends TradeRow>(rows: readonly Row[]) => {
    const total = { inserted: 0, known: 0, conflicting: [] as Row[] };
    for (const part of cutByTime(rows, step)) {
      const widened = areSparse(part, now())
        ? intervals.filter(({ isOwned, micros }) => isOwned && micros < SPARSE_CHUNK)
        : [];
      const { inserted, conflicting } = await database.breaker.run(() => writePart(database.sql, part, step, widened));
      total.inserted += inserted;
      total.conflicting.push(...conflicting);
    }
    return { ...total, known: rows.length - total.inserted };
  };
}

interface ChunkInterval {
  readonly table: string;
  readonly micros: Micros;
  /** Whether this role may change it. */
  readonly isOwned: boolean;
}

/** Splits rows in time order into parts that span at most MOST_CHUNKS steps. */
function cutByTime<Row extends TradeRow>(rows: readonly Row[], step: Micros): Row[][] {
  const parts: Row[][] = [];
  let past: Micros | null = null;
  for (const row of [...rows].sort((a, b) => (a.ts < b.ts ? -1 : Number(a.ts > b.ts)))) {
    if (past === null || row.ts >= past) {
      parts.push([]);
      past = floorTo(row.ts, step) + BigInt(MOST_CHUNKS) * step;
    }
    parts.at(-1)?.push(row);
  }
  return parts;
}

/** @param rows in time order */
function areSparse(rows: readonly TradeRow[], now: Micros): boolean {
  const [first, last] = [rows.at(0), rows.at(-1)];
  if (first === undefined || last === undefined) return false;
  const days = Number((last.ts - first.ts) / DAY);
  if (days < SPARSE_DAYS || rows.length / days >= SPARSE_ROWS_A_DAY) return false;
  return ceilTo(last.ts + 1n, SPARSE_CHUNK) < now - SETTLED_AFTER;
}

function writePart<Row extends TradeRow>(
  sql: Database["sql"],
  rows: readonly Row[],
  step: Micros,
  widened: readonly ChunkInterval[],
): Promise<Pick<WriteOutcome<Row>, "inserted" | "conflicting">> {
  return inTransaction(sql, READ_COMMITTED, async (transaction) => {
    await planForTimes(transaction);
    await decompressWithoutLimit(transaction);
    const stored = touchesMany(rows, step) ? await readStored(transaction, rows, "all") : [];
    const known = new Set(stored.map(({ row }) => row));
    const fresh = rows.filter((row) => !known.has(row));
    // Other transactions never see the longer interval, since it is reset before the commit.
    for (const { table } of widened) await setInterval(transaction, table, SPARSE_CHUNK);
    const inserted = await insertTrades(transaction, fresh);
    for (const { table, micros } of widened) await setInterval(transaction, table, micros);
    // The batch may contain a trade twice, or another writer may have stored one meanwhile.
    const conflicts = inserted < fresh.length ? await readStored(transaction, fresh, "conflicting") : [];
    return {
      inserted,
      conflicting: [...stored, ...conflicts].filter(({ isConflicting }) => isConflicting).map(({ row }) => row),
    };
  });
}

/**
 * Returns whether to read stored rows first: faster if rows spread over many chunks, since an INSERT opens each of
 * them.
 */
function touchesMany(rows: readonly TradeRow[], step: Micros): boolean {
  const [first, last] = [rows.at(0), rows.at(-1)];
  return first !== undefined && last !== undefined && last.ts - first.ts > 4n * step;
}

async function setInterval(sql: Sql, table: string, micros: Micros): Promise<void> {
  await sql`
    SELECT set_chunk_time_interval(${table}::text::regclass, ${String(micros)}::text::bigint * interval '1 microsecond')`;
}

async function readIntervals(sql: Sql): Promise<ChunkInterval[]> {
  const rows = await sql<{ name: string; micros: string; is_owned: boolean }[]>`
    SELECT hypertable_name AS name, (extract(epoch FROM time_interval) * 1000000)::bigint::text AS micros,
      pg_has_role(tableowner, 'USAGE') AS is_owned
    FROM timescaledb_information.dimensions
    JOIN pg_tables ON schemaname = hypertable_schema AND tablename = hypertable_name
    WHERE hypertable_schema = 'public' AND hypertable_name = ANY(${[...WRITTEN]}::text[])
    ORDER BY hypertable_name`;
  return rows.map(({ name, micros, is_owned }) => ({ table: name, micros: BigInt(micros), isOwned: is_owned }));
}
