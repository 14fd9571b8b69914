import type { Bucket } from "../../canonical/bucket.ts";
import { formatTime, type Micros } from "../../canonical/time.ts";
import { RawDataExpired } from "../connection/errors.ts";
import type { Sql } from "../connection/pool.ts";

/** Rows that a result depends on, by table. Empty buckets are ignored. */
export interface NeededRows {
  readonly trades?: readonly Bucket[];
  readonly minutes?: readonly Bucket[];
  readonly hours?: readonly Bucket[];
}

const TABLE_OF_ROWS = { trades: "trades", minutes: "trades_1m", hours: "trades_1h" } as const;

/** Horizon of each table; a table without one was never pruned. */
export type Horizons = ReadonlyMap<string, Micros>;

/**
 * Requires that all needed rows are at or after the horizons.
 * @throws RawDataExpired that names the table and its horizon
 */
export function requireRows(horizons: Horizons, needed: NeededRows): void {
  const missing = missingRows(horizons, needed);
  if (missing !== null) throw missing;
}

/** Returns the error that {@link requireRows} throws; null if no rows are missing. */
export function missingRows(horizons: Horizons, needed: NeededRows): RawDataExpired | null {
  for (const [kind, table] of Object.entries(TABLE_OF_ROWS)) {
    const completeFrom = horizons.get(table);
    if (completeFrom === undefined) continue;
    for (const { from, to } of needed[kind as keyof NeededRows] ?? []) {
      if (from < to && from < completeFrom) {
        return new RawDataExpired(
          `this needs ${table} from ${formatTime(from)}, but rows before ${formatTime(completeFrom)} have been removed`,
        );
      }
    }
  }
  return null;
}

export async function readHorizons(sql: Sql): Promise<Horizons> {
  const rows = await sql<{ table_name: string; complete_from: string }[]>`
    SELECT table_name, (extract(epoch FROM complete_from) * 1000000)::bigint::text AS complete_from
    FROM retention_horizons
    WHERE isfinite(complete_from)`;
  return new Map(rows.map((row) => [row.table_name, BigInt(row.complete_from)]));
}
