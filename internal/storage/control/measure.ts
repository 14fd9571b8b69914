import type { Sql } from "../connection/pool.ts";

/** What is measured of the jobs of a kind that have succeeded of late. */
export interface Measured {
  readonly jobs: number;
  /** Time in which at least one of them ran, in seconds. */
  readonly busySeconds: number;
}

const MEASURED_JOBS = 200;
/** Among so many of the newest jobs they are looked for. */
const MEASURED_AMONG = 100_000;

/** Measures the newest jobs of a kind that have succeeded; null where there are none. */
export async function measureKind(sql: Sql, tenant: string, kind: string): Promise<Measured | null> {
  const [row] = await sql<{ jobs: number; busy: number | null }[]>`
    WITH measured AS (
      SELECT recent.tenant, recent.job_id, recent.ended_at, recent.lease_token
      FROM (
        SELECT tenant, job_id, lane_id, state, ended_at, lease_token FROM control.jobs
        WHERE tenant = ${tenant} ORDER BY job_id DESC LIMIT ${MEASURED_AMONG}
      ) AS recent
      JOIN control.lanes USING (lane_id)
      WHERE lanes.kind = ${kind} AND recent.state = 'succeeded'
      ORDER BY recent.job_id DESC LIMIT ${MEASURED_JOBS}
    ),
    spans AS (
      SELECT range_agg(tstzrange(least(at, ended_at), ended_at, '[]')) AS busy, count(*)::integer AS jobs
      FROM measured
      JOIN control.job_history AS lease ON lease.tenant = measured.tenant AND lease.job_id = measured.job_id
        AND lease.lease_token = measured.lease_token AND lease.to_state = 'leased'
    )
    SELECT jobs, (SELECT sum(extract(epoch FROM upper(span) - lower(span)))::float8 FROM unnest(busy) AS span) AS busy
    FROM spans`;
  return row === undefined || row.busy === null ? null : { jobs: row.jobs, busySeconds: row.busy };
}

/** Returns jobs a second that the host of a run is granted; null where it is not throttled. */
export async function hostRate(sql: Sql, tenant: string, host: string): Promise<number | null> {
  const [row] = await sql<{ rate: number | null }[]>`
    SELECT rate FROM control.throttles WHERE tenant = ${tenant} AND host = ${host}`;
  return row?.rate ?? null;
}
