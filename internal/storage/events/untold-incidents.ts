import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import type { IncidentCode } from "../control/incidents.ts";

/** An incident of which an event is missing. */
export interface UntoldIncident {
  readonly incidentId: bigint;
  readonly code: IncidentCode;
  readonly key: string;
  readonly openedAt: Micros;
  /** Null while it is open. */
  readonly closedAt: Micros | null;
  readonly count: number;
  readonly message: string;
  /** Whether the event of its opening is on record. */
  readonly isOpeningTold: boolean;
}

/** The parts of an incident's life that are events; what its event is about, see `ownEventId`, is `incident:<id>:<part>`. */
export type IncidentPart = "opened" | "closed";

/**
 * Returns incidents that are open, or were closed within the last hour, and of whose opening there is no event; and those
 * that were closed within the last day, whose opening was told and whose end was not. Oldest first.
 */
export async function readUntoldIncidents(sql: Sql, tenant: string, limit: number): Promise<UntoldIncident[]> {
  const rows = await sql<
    {
      id: string;
      code: IncidentCode;
      key: string;
      opened: string;
      closed: string | null;
      count: string;
      message: string;
      is_told: boolean;
    }[]
  >`
    SELECT incident_id::text AS id, code, key, (extract(epoch FROM opened_at) * 1000000)::bigint::text AS opened,
      (extract(epoch FROM closed_at) * 1000000)::bigint::text AS closed, count::text AS count, message, is_told
    FROM control.incidents
    CROSS JOIN LATERAL (SELECT ${isRecorded(sql, "opened")} AS is_told, ${isRecorded(sql, "closed")} AS is_end_told) AS told
    WHERE tenant = ${tenant} AND (closed_at IS NULL OR closed_at > clock_timestamp() - interval '1 day')
      AND CASE
        WHEN is_told THEN closed_at IS NOT NULL AND NOT is_end_told
        ELSE closed_at IS NULL OR closed_at > clock_timestamp() - interval '1 hour'
      END
    ORDER BY incident_id LIMIT ${limit}`;
  return rows.map(({ id, code, key, opened, closed, count, message, is_told }) => ({
    incidentId: BigInt(id),
    code,
    key,
    openedAt: BigInt(opened),
    closedAt: closed === null ? null : BigInt(closed),
    count: Number(count),
    message,
    isOpeningTold: is_told,
  }));
}

/** An expression: an own event of this part of an incident is on record. Ids end with the time, which is not known here. */
function isRecorded(sql: Sql, part: IncidentPart) {
  return sql`
    EXISTS (
      SELECT FROM events.events
      WHERE events.tenant = incidents.tenant AND sender = ''
        AND id > 'incident:' || incident_id || ${`:${part}@`} AND id < 'incident:' || incident_id || ${`:${part}@~`}
    )`;
}
