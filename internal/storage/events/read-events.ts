import type { Sql } from "../connection/pool.ts";
import type { RecordedEvent } from "./deliveries.ts";

/** An event on record, as it is delivered. */
export interface StoredEvent extends Omit<RecordedEvent, "body"> {
  /** Null where it is in the archive only. */
  readonly body: string | null;
  /** The object of the archive that has it; null for none. */
  readonly archivedAs: string | null;
  readonly recordedAt: bigint;
}

interface Row extends Omit<StoredEvent, "sequence" | "receivedAt" | "recordedAt"> {
  readonly sequence: string;
  readonly receivedAt: string;
  readonly recordedAt: string;
}

/** Returns events by sequence; those that are not there are left out. */
export async function readEvents(
  sql: Sql,
  tenant: string,
  sequences: readonly bigint[],
): Promise<Map<bigint, StoredEvent>> {
  const rows = await sql<Row[]>`
    SELECT sequence::text AS sequence, sender, id, type, pair, body, archived_as AS "archivedAs", traceparent,
      (extract(epoch FROM received_at) * 1000000)::bigint::text AS "receivedAt",
      (extract(epoch FROM recorded_at) * 1000000)::bigint::text AS "recordedAt"
    FROM events.events
    WHERE tenant = ${tenant} AND sequence = ANY(${sequences.map(String)}::text[]::bigint[])`;
  const events = rows.map((row) => ({
    ...row,
    sequence: BigInt(row.sequence),
    receivedAt: BigInt(row.receivedAt),
    recordedAt: BigInt(row.recordedAt),
  }));
  return new Map(events.map((event) => [event.sequence, event]));
}
