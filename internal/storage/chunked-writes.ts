import { ceilTo, floorTo, type Micros, seconds } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { decompressWithoutLimit, MOST_CHUNKS } from "./chunks.ts";
import type { Database, Sql } from "./database.ts";
import { planForTimes } from "./read-only.ts";
import { isHypertable } from "./timescale.ts";
import { insertTrades, readStored, type WriteOutcome, writeTrades } from "./trades.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

const DAY = seconds(86_400);
/** New chunks of sparse history are this long: a chunk per day would take longer to make than its rows. */
const SPARSE_CHUNK = 90n * DAY;
/** Rows are sparse that are at least so many days long, with fewer rows a day than this. */
const SPARSE_DAYS = 8;
const SPARSE_ROWS_A_DAY = 100;
/** A long chunk ends before what is still written to as it happens. */
const SETTLED_AFTER = 7n * DAY;
const WRITTEN = ["trades", "trades_1m"] as const;

/** Writes a batch as {@link writeTrades} does, atomically or, on a hypertable, one stretch of time after the other. */
export type WriteBatch = <Row extends TradeRow>(rows: readonly Row[]) => Promise<WriteOutcome<Row>>;

/**
 * How batches of any times are written to this database: in one statement where tables are ordinary ones. On a hypertable
 * in transactions that touch few chunks each, and sparse history goes into long chunks, where the role owns the tables.
 * @param now the present, where the chunks are that decoders write to
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
      const { inserted, conflicting } = await writePart(database.sql, part, step, widened);
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

/** In time order, each over as many steps of time as a transaction may touch chunks. */
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
    // Nobody else sees the other interval: it is changed back in the same transaction.
    for (const { table } of widened) await setInterval(transaction, table, SPARSE_CHUNK);
    const inserted = await insertTrades(transaction, fresh);
    for (const { table, micros } of widened) await setInterval(transaction, table, micros);
    // Some of one batch may be the same trade, or written by others meanwhile.
    const conflicts = inserted < fresh.length ? await readStored(transaction, fresh, "conflicting") : [];
    return {
      inserted,
      conflicting: [...stored, ...conflicts].filter(({ isConflicting }) => isConflicting).map(({ row }) => row),
    };
  });
}

/** To look first is faster where hardly any row lies in the same chunk as the next: an INSERT opens each for writing. */
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
