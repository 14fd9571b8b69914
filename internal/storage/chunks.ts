import { type Bucket, HOUR } from "../canonical/bucket.ts";
import { ceilTo, earlierOf, floorTo, laterOf, type Micros, parseTime } from "../canonical/time.ts";
import type { Sql } from "./database.ts";
import { moment } from "./moment.ts";
import { isHypertable } from "./timescale.ts";

/**
 * How many chunks of a table one statement or transaction may touch. Each takes some 20 locks (itself, its indexes, its
 * compressed twin), and all sessions together have 6 400 of them under the defaults of PostgreSQL.
 */
export const MOST_CHUNKS = 32;

/** Trades are from between these (see the constraint trades_ts_range); chunks may reach beyond. */
export const FIRST_MOMENT = parseTime("0001-01-01T00:00:00Z");
export const LAST_MOMENT = parseTime("9999-12-31T23:59:59.999999Z");

/**
 * Lets the transaction change compressed rows however many have to be decompressed for it: TimescaleDB refuses more than
 * 100 000, which an hour of a busy market has. To be called where the work is bounded in another way.
 */
export async function decompressWithoutLimit(transaction: Sql): Promise<void> {
  await transaction`
    SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)
    FROM pg_extension WHERE extname = 'timescaledb'`;
}

/** The times that chunks of a hypertable cover, in time order. */
export async function readChunks(sql: Sql, table: string): Promise<Bucket[]> {
  const rows = await sql<{ first: string; past: string }[]>`
    SELECT (extract(epoch FROM range_start) * 1000000)::bigint::text AS first,
      (extract(epoch FROM range_end) * 1000000)::bigint::text AS past
    FROM timescaledb_information.chunks
    WHERE hypertable_schema = 'public' AND hypertable_name = ${table}
    ORDER BY range_start`;
  return rows.map(({ first, past }) => ({
    from: laterOf(BigInt(first), FIRST_MOMENT),
    to: earlierOf(BigInt(past), LAST_MOMENT + 1n),
  }));
}

/**
 * The tables to delete a table's rows of a bucket from: itself, or those chunks of a hypertable. A DELETE from a hypertable
 * locks all of its chunks, whatever its condition says.
 * @returns names as `sql` takes them
 */
export async function relationsWithin(sql: Sql, table: string, { from, to }: Bucket): Promise<string[]> {
  if (!(await isHypertable(sql, table))) return [table];
  const rows = await sql<{ name: string }[]>`
    SELECT chunk_schema || '.' || chunk_name AS name FROM timescaledb_information.chunks
    WHERE hypertable_schema = 'public' AND hypertable_name = ${table}
      AND range_start <= ${moment(to - 1n)}::timestamptz AND range_end > ${moment(from)}::timestamptz
    ORDER BY range_start`;
  return rows.map(({ name }) => name);
}

/**
 * Cuts a range of whole hours where a statement over all of it would touch too many chunks of the tables. Times that no
 * chunk covers hold no rows and are left out. Ordinary tables need no cut.
 */
export async function stretchesOf(sql: Sql, tables: readonly string[], range: Bucket): Promise<Bucket[]> {
  const chunks: Bucket[] = [];
  for (const table of tables) {
    if (!(await isHypertable(sql, table))) return [range];
    chunks.push(...(await readChunks(sql, table)));
  }
  return cutIntoStretches(chunks, range, MOST_CHUNKS);
}

/**
 * Parts of the range, in whole hours, that together cover what the chunks cover of it, without overlap and in time order.
 * Where chunks of one table follow each other, none touches more than `most` of them.
 */
export function cutIntoStretches(chunks: readonly Bucket[], range: Bucket, most: number): Bucket[] {
  const covered = mergeBuckets(
    chunks
      .map(({ from, to }) => ({
        from: laterOf(floorTo(from, HOUR), range.from),
        to: earlierOf(ceilTo(to, HOUR), range.to),
      }))
      .filter(({ from, to }) => from < to),
  );
  const ends = [...new Set(chunks.map(({ to }) => ceilTo(to, HOUR)))].sort((a, b) => (a < b ? -1 : 1));
  let next = 0;
  return covered.flatMap(({ from, to }) => {
    const stretches: Bucket[] = [];
    for (let start = from; start < to; ) {
      while (next < ends.length && (ends[next] as Micros) <= start) next += 1;
      const end = earlierOf(ends[next + most - 1] ?? to, to);
      stretches.push({ from: start, to: end });
      start = end;
    }
    return stretches;
  });
}

/** The union of buckets, in time order; those that meet are one. */
export function mergeBuckets(buckets: readonly Bucket[]): Bucket[] {
  const merged: Bucket[] = [];
  for (const bucket of [...buckets].sort((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = merged.at(-1);
    if (last === undefined || bucket.from > last.to) merged.push(bucket);
    else merged[merged.length - 1] = { from: last.from, to: laterOf(last.to, bucket.to) };
  }
  return merged;
}

/** What the one list covers and the other does not; both as {@link mergeBuckets} gives them. */
export function subtractBuckets(covering: readonly Bucket[], covered: readonly Bucket[]): Bucket[] {
  const gaps: Bucket[] = [];
  let index = 0;
  for (const { from, to } of covering) {
    while (index < covered.length && (covered[index] as Bucket).to <= from) index += 1;
    let start = from;
    for (let each = index; start < to; each++) {
      const next = covered[each];
      const end = next === undefined ? to : earlierOf(next.from, to);
      if (start < end) gaps.push({ from: start, to: end });
      start = next === undefined ? to : next.to;
    }
  }
  return gaps;
}
