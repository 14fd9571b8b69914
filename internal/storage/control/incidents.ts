import type postgres from "postgres";
import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { type Actor, audited } from "./audit.ts";
import { storableText } from "./storable.ts";

export const INCIDENT_CODES = [
  "worker_lost",
  "dead_letters",
  "throttled_long",
  "lease_losses",
  "schedule_late",
  "gap",
  "artifact_mismatch",
  "slo_burn",
  "venue_unreachable",
  "market_refused",
  "unread_messages",
] as const;
export type IncidentCode = (typeof INCIDENT_CODES)[number];

/** What a rule has found to be wrong. */
export interface Finding {
  readonly code: IncidentCode;
  /** What it is about, such as a kind, a host or a feed. */
  readonly key: string;
  /** Null where no job is concerned. */
  readonly firstJob: bigint | null;
  readonly lastJob: bigint | null;
  readonly count: number;
  readonly message: string;
  readonly cluster: string | null;
}

export interface Incident extends Finding {
  readonly incidentId: bigint;
  readonly openedAt: Micros;
  /** Null while it is open. */
  readonly closedAt: Micros | null;
  readonly acknowledgedAt: Micros | null;
  readonly acknowledgedBy: string | null;
}

/**
 * Opens incidents for what was found, renews those that are open, and closes the open ones that were not found. Any number of daemons may do so
 * at once.
 * @param at when the facts were read, by the database's clock: what somebody else found later stays open
 */
export async function keepIncidents(
  sql: postgres.Sql,
  tenant: string,
  findings: readonly Finding[],
  at: Micros,
): Promise<void> {
  const found = findings.map(({ firstJob, lastJob, message, ...finding }) => ({
    ...finding,
    first_job: firstJob === null ? null : String(firstJob),
    last_job: lastJob === null ? null : String(lastJob),
    message: storableText(message),
  }));
  await inTransaction(sql, READ_COMMITTED, async (transaction) => {
    await transaction`
      INSERT INTO control.incidents (tenant, code, key, opened_at, seen_at, first_job, last_job, count, message, cluster)
      SELECT ${tenant}, code, key, ${timestamptz(at)}::timestamptz, ${timestamptz(at)}::timestamptz, first_job, last_job, count, message, cluster
      FROM jsonb_to_recordset(${JSON.stringify(found)}::text::jsonb) AS finding (
        code text, key text, first_job bigint, last_job bigint, count bigint, message text, cluster text
      )
      -- In one order, as everybody locks them.
      ORDER BY code, key
      ON CONFLICT (tenant, code, key) WHERE closed_at IS NULL DO UPDATE SET
        seen_at = excluded.seen_at, last_job = excluded.last_job, count = excluded.count, message = excluded.message,
        cluster = excluded.cluster
      WHERE incidents.seen_at < excluded.seen_at`;
    await transaction`
      UPDATE control.incidents SET closed_at = greatest(opened_at, clock_timestamp())
      WHERE tenant = ${tenant} AND closed_at IS NULL AND seen_at < ${timestamptz(at)}::timestamptz`;
  });
}

export interface IncidentFilter {
  readonly isOpen: boolean | null;
  /** Null for all codes. */
  readonly code: IncidentCode | null;
  /** Only incidents with a lower id; null to begin with the newest. */
  readonly before: bigint | null;
  readonly limit: number;
}

interface Row {
  id: string;
  code: IncidentCode;
  key: string;
  opened: string;
  closed: string | null;
  first_job: string | null;
  last_job: string | null;
  count: string;
  message: string;
  cluster: string | null;
  acknowledged: string | null;
  acknowledged_by: string | null;
}

/** Returns incidents, newest first. */
export async function listIncidents(
  sql: Sql,
  tenant: string,
  { isOpen, code, before, limit }: IncidentFilter,
): Promise<Incident[]> {
  const rows = await sql<Row[]>`
    SELECT incident_id::text AS id, code, key, (extract(epoch FROM opened_at) * 1000000)::bigint::text AS opened,
      (extract(epoch FROM closed_at) * 1000000)::bigint::text AS closed, first_job::text AS first_job,
      last_job::text AS last_job, count::text AS count, message, cluster,
      (extract(epoch FROM acknowledged_at) * 1000000)::bigint::text AS acknowledged, acknowledged_by
    FROM control.incidents
    WHERE tenant = ${tenant}
      ${isOpen === null ? sql`` : isOpen ? sql`AND closed_at IS NULL` : sql`AND closed_at IS NOT NULL`}
      ${code === null ? sql`` : sql`AND code = ${code}`}
      ${before === null ? sql`` : sql`AND incident_id < ${String(before)}::bigint`}
    ORDER BY incident_id DESC LIMIT ${limit}`;
  return rows.map(incidentOf);
}

/** Notes that somebody looks after an open incident; returns whether it was open and not acknowledged. */
export function acknowledgeIncident(sql: postgres.Sql, actor: Actor, incidentId: bigint): Promise<boolean> {
  const target = { incident: String(incidentId) };
  return audited(sql, actor, { action: "incidents.acknowledge", target }, async (transaction) => {
    const { count } = await transaction`
      UPDATE control.incidents SET acknowledged_at = clock_timestamp(), acknowledged_by = ${actor.name}
      WHERE tenant = ${actor.tenant} AND incident_id = ${String(incidentId)}::bigint
        AND closed_at IS NULL AND acknowledged_at IS NULL`;
    return { result: count > 0, shown: { acknowledged: count > 0 } };
  });
}

function incidentOf(row: Row): Incident {
  const id = (text: string | null) => (text === null ? null : BigInt(text));
  return {
    incidentId: BigInt(row.id),
    code: row.code,
    key: row.key,
    openedAt: BigInt(row.opened),
    closedAt: id(row.closed),
    firstJob: id(row.first_job),
    lastJob: id(row.last_job),
    count: Number(row.count),
    message: row.message,
    cluster: row.cluster,
    acknowledgedAt: id(row.acknowledged),
    acknowledgedBy: row.acknowledged_by,
  };
}
