import { type Bucket, HOUR } from "../canonical/bucket.ts";
import { ceilTo, laterOf, type Micros, seconds } from "../canonical/time.ts";
import { mergeBuckets, readChunks, subtractBuckets } from "./chunks.ts";
import type { Sql } from "./database.ts";
import type { Horizons } from "./horizons.ts";
import { moment } from "./moment.ts";
import { isHypertable } from "./timescale.ts";

/** Rows that are gone although no retention of ours removed them: whole chunks, dropped by hand or by another policy. */
export interface LostRows extends Bucket {
  readonly table: string;
}

/** By which other table each table's lost rows are known: the trigger writes both in one transaction. */
const WITNESSES = { trades: "trades_1h", trades_1m: "trades_1h", trades_1h: "trades_1m" } as const;
const LOOK_AGAIN_AFTER = seconds(60);

/**
 * What is lost of hypertables: times that none of a table's chunks covers, although a table that is written in the same
 * transactions has rows of them. Rows that were deleted one by one are not found; `rollups verify` finds those.
 * @param sql of one snapshot, as `horizons` are
 */
export async function findLostRows(sql: Sql, horizons: Horizons): Promise<LostRows[]> {
  const covered = new Map<string, Bucket[]>();
  for (const table of Object.keys(WITNESSES)) {
    if (!(await isHypertable(sql, table))) return [];
    covered.set(table, mergeBuckets(await readChunks(sql, table)));
  }
  const lost: LostRows[] = [];
  for (const [table, witness] of Object.entries(WITNESSES)) {
    const isOlder = (at: Micros): boolean => [table, witness].some((name) => at < (horizons.get(name) ?? at));
    const gaps = subtractBuckets(covered.get(witness) ?? [], covered.get(table) ?? []);
    lost.push(
      ...(await rowsWithin(sql, witness, gaps))
        .filter(({ to }) => !isOlder(to - 1n))
        .map((rows) => ({ ...rows, table })),
    );
  }
  return lost;
}

const known = new WeakMap<object, { readonly at: Micros; readonly lost: readonly LostRows[] }>();

/**
 * How far back tables are complete where chunks may have been dropped behind our back: behind the last rows that are lost.
 * Looked for once a minute.
 * @param pool what the transaction is of
 * @param now by the database's clock
 */
export async function completeHorizons(pool: object, sql: Sql, horizons: Horizons, now: Micros): Promise<Horizons> {
  let latest = known.get(pool);
  if (latest === undefined || now < latest.at || now - latest.at >= LOOK_AGAIN_AFTER) {
    latest = { at: now, lost: await findLostRows(sql, horizons) };
    known.set(pool, latest);
  }
  if (latest.lost.length === 0) return horizons;
  const complete = new Map(horizons);
  for (const { table, to } of latest.lost) complete.set(table, laterOf(ceilTo(to, HOUR), complete.get(table) ?? to));
  return complete;
}

/** From the first to the last row of a rollup table in each of the ranges; a range without rows gives nothing. */
async function rowsWithin(sql: Sql, table: string, ranges: readonly Bucket[]): Promise<Bucket[]> {
  if (ranges.length === 0) return [];
  const length = table === "trades_1h" ? HOUR : seconds(60);
  const rows = await sql<{ first: string; last: string }[]>`
    SELECT (extract(epoch FROM found.first) * 1000000)::bigint::text AS first,
      (extract(epoch FROM found.last) * 1000000)::bigint::text AS last
    FROM unnest(
      ${ranges.map(({ from }) => moment(from))}::text[]::timestamptz[],
      ${ranges.map(({ to }) => moment(to - 1n))}::text[]::timestamptz[]
    ) AS range (first, last)
    CROSS JOIN LATERAL (
      SELECT min(bucket) AS first, max(bucket) AS last FROM ${sql(table)}
      WHERE bucket >= range.first AND bucket <= range.last
        AND bucket >= ${moment(ranges[0]?.from ?? 0n)}::timestamptz
        AND bucket <= ${moment((ranges.at(-1)?.to ?? 1n) - 1n)}::timestamptz
    ) AS found
    WHERE found.first IS NOT NULL
    ORDER BY found.first`;
  return rows.map(({ first, last }) => ({ from: BigInt(first), to: BigInt(last) + length }));
}
