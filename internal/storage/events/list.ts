import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import type { JobState } from "../control/read-jobs.ts";
import { type DeliveryState, stateOf } from "./delivery-state.ts";

/** Which events; null for any. */
export interface EventSelection {
  /** A type, or the start of types and `*`. */
  readonly type: string | null;
  /** Recorded at this time or later, and before the other. */
  readonly from: Micros | null;
  readonly to: Micros | null;
}

/** Which events are listed. */
export interface ListedSelection extends EventSelection {
  /** Those that have a delivery to it. */
  readonly destination: string | null;
  /** Whether only those with a delivery, to that destination if one is given, that was not delivered. */
  readonly isUndelivered: boolean;
  readonly limit: number;
}

/** An event, and how far its deliveries have come. */
export interface ListedEvent {
  readonly id: string;
  readonly sender: string;
  readonly type: string;
  readonly pair: string | null;
  readonly recordedAt: Micros;
  readonly deliveries: readonly { readonly destination: string; readonly state: DeliveryState }[];
}

interface Row extends Omit<ListedEvent, "recordedAt" | "deliveries"> {
  readonly recordedAt: string;
  readonly deliveries: readonly { readonly destination: string; readonly state: JobState }[];
}

/** Returns events, the newest first. */
export async function listEvents(sql: Sql, tenant: string, selection: ListedSelection): Promise<ListedEvent[]> {
  const { destination, isUndelivered, limit } = selection;
  const rows = await sql<Row[]>`
    SELECT id, sender, type, pair, (extract(epoch FROM recorded_at) * 1000000)::bigint::text AS "recordedAt",
      (
        SELECT coalesce(jsonb_agg(jsonb_build_object('destination', destination, 'state', state) ORDER BY destination), '[]')
        FROM events.deliveries JOIN control.jobs USING (tenant, job_id)
        WHERE deliveries.tenant = events.tenant AND deliveries.sequence = events.sequence
      ) AS deliveries
    FROM events.events
    WHERE tenant = ${tenant} ${selectedBy(sql, selection)}
      ${
        destination === null && !isUndelivered
          ? sql``
          : sql`AND EXISTS (
              SELECT FROM events.deliveries JOIN control.jobs USING (tenant, job_id)
              WHERE deliveries.tenant = events.tenant AND deliveries.sequence = events.sequence
                ${destination === null ? sql`` : sql`AND destination = ${destination}`}
                ${isUndelivered ? sql`AND state <> 'succeeded'` : sql``}
            )`
      }
    ORDER BY events.events.sequence DESC LIMIT ${limit}`;
  return rows.map(({ recordedAt, deliveries, ...row }) => ({
    ...row,
    recordedAt: BigInt(recordedAt),
    deliveries: deliveries.map((each) => ({ ...each, state: stateOf(each.state, false) })),
  }));
}

/** Returns the conditions of a selection, each with AND in front of it. */
export function selectedBy(sql: Sql, { type, from, to }: EventSelection) {
  const ofType = type?.endsWith("*") ? sql`AND starts_with(type, ${type.slice(0, -1)})` : sql`AND type = ${type}`;
  return sql`
    ${type === null ? sql`` : ofType}
    ${from === null ? sql`` : sql`AND recorded_at >= ${timestamptz(from)}::timestamptz`}
    ${to === null ? sql`` : sql`AND recorded_at < ${timestamptz(to)}::timestamptz`}`;
}
