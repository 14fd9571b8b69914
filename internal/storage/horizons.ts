import type { Bucket } from "../canonical/bucket.ts";
import { formatTime, type Micros } from "../canonical/time.ts";
import type { Sql } from "./database.ts";
import { RawDataExpired } from "./errors.ts";

/** Which rows an answer needs, by the kind of table. Empty buckets need none. */
export interface NeededRows {
  readonly trades?: readonly Bucket[];
  readonly minutes?: readonly Bucket[];
  readonly hours?: readonly Bucket[];
}

const TABLES = { trades: "trades", minutes: "trades_1m", hours: "trades_1h" } as const;

/** How far back each table is complete; a table that is not named was never cut. */
export type Horizons = ReadonlyMap<string, Micros>;

/**
 * Refuses a question that needs rows from before a table is complete.
 * @throws RawDataExpired naming the table and how far back it reaches
 */
export function requireRows(horizons: Horizons, needed: NeededRows): void {
  const missing = missingRows(horizons, needed);
  if (missing !== null) throw missing;
}

/** What {@link requireRows} throws; null where nothing is missing. */
export function missingRows(horizons: Horizons, needed: NeededRows): RawDataExpired | null {
  for (const [kind, table] of Object.entries(TABLES)) {
    const completeFrom = horizons.get(table);
    if (completeFrom === undefined) continue;
    for (const { from, to } of needed[kind as keyof NeededRows] ?? []) {
      if (from < to && from < completeFrom) {
        return new RawDataExpired(
          `this needs ${table} from ${formatTime(from)}, and what was before ${formatTime(completeFrom)} has been removed`,
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
