import { type Bucket, HOUR } from "../../canonical/bucket.ts";
import { ceilTo, laterOf, type Micros, seconds } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { mergeBuckets, readChunks, subtractBuckets } from "../schema/chunks.ts";
import { isHypertable } from "../schema/timescale.ts";
import type { Horizons } from "./horizons.ts";

/** A range whose rows were not removed by this program's retention: chunks dropped by hand or by another policy. */
export interface LostRows extends Bucket {
  readonly table: string;
}

/** The table whose rows prove that rows of another table existed: the trigger writes both in one transaction. */
const WITNESSES = { trades: "trades_1h", trades_1m: "trades_1h", trades_1h: "trades_1m" } as const;
const CACHED_FOR = seconds(60);

/**
 * Finds lost rows of hypertables: times without a chunk for which the table's witness has rows. Rows that were deleted
 * individually are not found; `rollups verify` finds those.
 * @param sql transaction with the same snapshot as `horizons`
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
 * Returns the horizons with lost rows taken into account: a table is complete only after its last lost rows. Lost rows
 * are cached for a minute.
 * @param pool key of the cache: the pool of the transaction
 * @param now by the database's clock
 */
export async function completeHorizons(pool: object, sql: Sql, horizons: Horizons, now: Micros): Promise<Horizons> {
  let latest = known.get(pool);
  if (latest === undefined || now < latest.at || now - latest.at >= CACHED_FOR) {
    latest = { at: now, lost: await findLostRows(sql, horizons) };
    known.set(pool, latest);
  }
  if (latest.lost.length === 0) return horizons;
  const complete = new Map(horizons);
  for (const { table, to } of latest.lost) complete.set(table, laterOf(ceilTo(to, HOUR), complete.get(table) ?? to));
  return complete;
}

/** Returns the extent of a rollup table's rows in each range; nothing for a range without rows. */
async function rowsWithin(sql: Sql, table: string, ranges: readonly Bucket[]): Promise<Bucket[]> {
  if (ranges.length === 0) return [];
  const length = table === "trades_1h" ? HOUR : seconds(60);
  const rows = await sql<{ first: string; last: string }[]>`
    SELECT (extract(epoch FROM found.first) * 1000000)::bigint::text AS first,
      (extract(epoch FROM found.last) * 1000000)::bigint::text AS last
    FROM unnest(
      ${ranges.map(({ from }) => timestamptz(from))}::text[]::timestamptz[],
      ${ranges.map(({ to }) => timestamptz(to - 1n))}::text[]::timestamptz[]
    ) AS range (first, last)
    CROSS JOIN LATERAL (
      SELECT min(bucket) AS first, max(bucket) AS last FROM ${sql(table)}
      WHERE bucket >= range.first AND bucket <= range.last
        AND bucket >= ${timestamptz(ranges[0]?.from ?? 0n)}::timestamptz
        AND bucket <= ${timestamptz((ranges.at(-1)?.to ?? 1n) - 1n)}::timestamptz
    ) AS found
    WHERE found.first IS NOT NULL
    ORDER BY found.first`;
  return rows.map(({ first, last }) => ({ from: BigInt(first), to: BigInt(last) + length }));
}
