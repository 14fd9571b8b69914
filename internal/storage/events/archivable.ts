import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import type { RecordedEvent } from "./deliveries.ts";

/** The data of events on their way to the archive. */

/** A place in the order in which events leave the database: that of recording. */
export interface RecordedPlace {
  readonly recordedAt: Micros;
  readonly sequence: bigint;
}

/** An event that is old enough for the archive. */
export interface DueEvent extends RecordedPlace {
  /** Size of its data, in UTF-8. */
  readonly bytes: number;
  /** Whether all of its deliveries have ended. */
  readonly hasEnded: boolean;
}

const HAS_ENDED = (sql: Sql) => sql`
  NOT EXISTS (
    SELECT FROM events.deliveries JOIN control.jobs USING (tenant, job_id)
    WHERE deliveries.tenant = events.tenant AND deliveries.sequence = events.sequence
      AND state IN ('blocked', 'ready', 'leased')
  )`;

/**
 * Returns the first events behind a place whose data are in the database, and which were recorded so many seconds ago.
 * @param after null to begin with the oldest
 */
export async function readDueEvents(
  sql: Sql,
  tenant: string,
  ageSeconds: number,
  after: RecordedPlace | null,
  limit: number,
): Promise<DueEvent[]> {
  const rows = await sql<{ sequence: string; recordedAt: string; bytes: number; hasEnded: boolean }[]>`
    SELECT sequence::text AS sequence, (extract(epoch FROM recorded_at) * 1000000)::bigint::text AS "recordedAt",
      octet_length(body) AS bytes, ${HAS_ENDED(sql)} AS "hasEnded"
    FROM events.events
    WHERE tenant = ${tenant} AND body IS NOT NULL
      -- now() is the same for all rows, so that the index ends the search; with clock_timestamp() all young events are read.
      AND recorded_at <= now() - ${ageSeconds} * interval '1 second'
      ${
        after === null
          ? sql``
          : sql`AND (recorded_at, sequence) >
              (${timestamptz(after.recordedAt)}::timestamptz, ${String(after.sequence)}::bigint)`
      }
    ORDER BY events.events.recorded_at, events.events.sequence LIMIT ${limit}`;
  return rows.map(({ sequence, recordedAt, ...row }) => ({
    ...row,
    sequence: BigInt(sequence),
    recordedAt: BigInt(recordedAt),
  }));
}

/** How a delivery of an event has ended. */
export interface DeliveryOutcome {
  readonly destination: string;
  /** The state of its job: succeeded, failed, dead or cancelled. */
  readonly state: string;
  readonly attempts: number;
  readonly endedAt: Micros;
}

/** An event with all that the archive keeps of it. */
export interface ArchivableEvent extends RecordedEvent {
  readonly recordedAt: Micros;
  /** By destination. */
  readonly deliveries: readonly DeliveryOutcome[];
}

interface Row extends Omit<ArchivableEvent, "sequence" | "receivedAt" | "recordedAt" | "deliveries"> {
  readonly sequence: string;
  readonly receivedAt: string;
  readonly recordedAt: string;
  readonly deliveries: readonly (Omit<DeliveryOutcome, "endedAt"> & { readonly endedAt: string })[];
}

/** Returns events by sequence, with their data; those whose data are not in the database are left out. */
export async function readArchivable(
  sql: Sql,
  tenant: string,
  sequences: readonly bigint[],
): Promise<ArchivableEvent[]> {
  const rows = await sql<Row[]>`
    SELECT sequence::text AS sequence, sender, id, type, pair, body, traceparent,
      (extract(epoch FROM received_at) * 1000000)::bigint::text AS "receivedAt",
      (extract(epoch FROM recorded_at) * 1000000)::bigint::text AS "recordedAt",
      coalesce((
        SELECT jsonb_agg(
          jsonb_build_object(
            'destination', destination, 'state', state, 'attempts', attempt,
            'endedAt', (extract(epoch FROM ended_at) * 1000000)::bigint::text
          ) ORDER BY destination
        )
        FROM events.deliveries JOIN control.jobs USING (tenant, job_id)
        WHERE deliveries.tenant = events.tenant AND deliveries.sequence = events.sequence AND ended_at IS NOT NULL
      ), '[]') AS deliveries
    FROM events.events
    WHERE tenant = ${tenant} AND body IS NOT NULL AND sequence = ANY(${sequences.map(String)}::text[]::bigint[])
    ORDER BY events.events.sequence`;
  return rows.map(({ deliveries, ...row }) => ({
    ...row,
    sequence: BigInt(row.sequence),
    receivedAt: BigInt(row.receivedAt),
    recordedAt: BigInt(row.recordedAt),
    deliveries: deliveries.map((delivery) => ({ ...delivery, endedAt: BigInt(delivery.endedAt) })),
  }));
}

/**
 * Removes the data of events that an object of the archive has; leaves out those that another process has archived or is about
 * to, and those that have a delivery again.
 * @returns of how many events
 */
export async function markArchived(
  sql: Sql,
  tenant: string,
  sequences: readonly bigint[],
  name: string,
): Promise<number> {
  const marked = await sql`
    WITH given AS (
      SELECT sequence FROM events.events
      WHERE tenant = ${tenant} AND body IS NOT NULL AND sequence = ANY(${sequences.map(String)}::text[]::bigint[])
        AND ${HAS_ENDED(sql)}
      ORDER BY events.events.sequence
      FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE events.events SET body = NULL, archived_as = ${name} FROM given
    WHERE events.tenant = ${tenant} AND events.sequence = given.sequence AND events.body IS NOT NULL`;
  return marked.count;
}

/** Returns by how many seconds the oldest event whose data are in the database is older than that; 0 where none is. */
export async function archiveOverdue(sql: Sql, tenant: string, ageSeconds: number): Promise<number> {
  const [row] = await sql<{ seconds: number }[]>`
    SELECT greatest(0, extract(epoch FROM clock_timestamp() - recorded_at) - ${ageSeconds})::float8 AS seconds
    FROM events.events WHERE tenant = ${tenant} AND body IS NOT NULL
    ORDER BY events.events.recorded_at LIMIT 1`;
  return row?.seconds ?? 0;
}
