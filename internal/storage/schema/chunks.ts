import { type Bucket, HOUR } from "../../canonical/bucket.ts";
import { ceilTo, earlierOf, floorTo, laterOf, type Micros, parseTime } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { isHypertable } from "./timescale.ts";

/**
 * Most chunks of a table that one statement or transaction may touch. Each takes about 20 locks (itself, its indexes,
 * its compressed chunk), and PostgreSQL's defaults allow 6 400 locks for all sessions together.
 */
export const MOST_CHUNKS = 32;

/** Bounds of the times of trades (constraint trades_ts_range); chunks may extend beyond them. */
export const FIRST_MOMENT = parseTime("0001-01-01T00:00:00Z");
export const LAST_MOMENT = parseTime("9999-12-31T23:59:59.999999Z");

/**
 * Lifts TimescaleDB's limit of 100 000 decompressed rows per statement, which an hour of a busy market exceeds. Call it
 * only where the work is bounded in another way.
 */
export async function decompressWithoutLimit(transaction: Sql): Promise<void> {
  await transaction`
    SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)
    FROM pg_extension WHERE extname = 'timescaledb'`;
}

/** Returns the time ranges of a hypertable's chunks, in time order. */
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
 * Returns the relations from which rows of a bucket must be deleted: the table itself, or the chunks of a hypertable
 * that overlap the bucket. A DELETE from a hypertable locks all of its chunks regardless of its condition.
 * @returns names for `sql(name)`
 */
export async function relationsWithin(sql: Sql, table: string, { from, to }: Bucket): Promise<string[]> {
  if (!(await isHypertable(sql, table))) return [table];
  const rows = await sql<{ name: string }[]>`
    SELECT chunk_schema || '.' || chunk_name AS name FROM timescaledb_information.chunks
    WHERE hypertable_schema = 'public' AND hypertable_name = ${table}
      AND range_start <= ${timestamptz(to - 1n)}::timestamptz AND range_end > ${timestamptz(from)}::timestamptz
    ORDER BY range_start`;
  return rows.map(({ name }) => name);
}

/**
 * Splits a range of whole hours so that a statement over each part touches few chunks of the tables. Times without
 * chunks have no rows and are left out. Ordinary tables are not split.
 */
export async function splitByChunks(sql: Sql, tables: readonly string[], range: Bucket): Promise<Bucket[]> {
  const chunks: Bucket[] = [];
  for (const table of tables) {
    if (!(await isHypertable(sql, table))) return [range];
    chunks.push(...(await readChunks(sql, table)));
  }
  return splitRange(chunks, range, MOST_CHUNKS);
}

/**
 * Splits the part of a range that chunks cover into disjoint ranges of whole hours, in time order. None touches more
 * than `most` consecutive chunks of one table.
 */
export function splitRange(chunks: readonly Bucket[], range: Bucket, most: number): Bucket[] {
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

/** Returns the union of buckets in time order; adjacent ones are merged. */
export function mergeBuckets(buckets: readonly Bucket[]): Bucket[] {
  const merged: Bucket[] = [];
  for (const bucket of [...buckets].sort((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = merged.at(-1);
    if (last === undefined || bucket.from > last.to) merged.push(bucket);
    else merged[merged.length - 1] = { from: last.from, to: laterOf(last.to, bucket.to) };
  }
  return merged;
}

/** Returns the times in `covering` that are not in `covered`; both must come from {@link mergeBuckets}. */
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
