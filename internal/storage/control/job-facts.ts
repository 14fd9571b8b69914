import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import type { JobState } from "./read-jobs.ts";

/** What decides whether a job may be leased now. */
export interface JobFacts {
  readonly state: JobState;
  /** By the database's clock. */
  readonly now: Micros;
  readonly runAt: Micros;
  readonly leasedUntil: Micros | null;
  readonly worker: string | null;
  /** Needed jobs that have not succeeded. */
  readonly needs: readonly { readonly jobId: bigint; readonly state: JobState }[];
  readonly source: string;
  readonly host: string;
  /** What is paused of its tenant, source, feed and run. */
  readonly pauses: readonly Pause[];
  /** When the blackouts that it is in have ended, and the reason of the one that ends last; null where there is none. */
  readonly blackout: { readonly until: Micros; readonly reason: string } | null;
  /** Leases that count under a limit, and the limit; null where there is none. */
  readonly tenantLeases: Limit | null;
  readonly sourceLeases: Limit | null;
  readonly tenantStartsToday: Limit | null;
  /** The host's token bucket; null where the host is not throttled. */
  readonly throttle: {
    readonly notBefore: Micros | null;
    /** Null where nobody has set the host's rate. */
    readonly bucket: { readonly tokens: number; readonly rate: number } | null;
  } | null;
  /** Ready jobs of the same lane that come first. */
  readonly ahead: number;
}

export interface Pause {
  readonly scope: "tenant" | "source" | "feed" | "run";
  /** Of the source or feed, or the id of the run; empty for the tenant. */
  readonly name: string;
  readonly reason: string;
}

export interface Limit {
  readonly used: number;
  readonly max: number;
}

interface Row {
  state: JobState;
  now: string;
  run: string;
  leased_until: string | null;
  worker: string | null;
  needs: { id: string; state: JobState }[] | null;
  source: string;
  host: string;
  pauses: Pause[];
  blackout: { until: string; reason: string } | null;
  is_throttled: boolean;
  tenant_max: number | null;
  tenant_leases: number;
  source_max: number | null;
  source_leases: number;
  day_max: number | null;
  day_starts: string | null;
  tokens: number | null;
  rate: number | null;
  not_before: string | null;
  ahead: number;
}

/** Reads in one statement what decides about a job; null if the tenant has none with this id. */
export async function readJobFacts(sql: Sql, tenant: string, jobId: bigint): Promise<JobFacts | null> {
  const [row] = await sql<Row[]>`
    WITH clock AS (SELECT statement_timestamp() AS now),
    leases AS (
      SELECT source FROM control.jobs JOIN control.lanes USING (lane_id)
      WHERE lanes.tenant = ${tenant} AND state = 'leased'
    )
    SELECT state, lanes.source, lanes.host, jobs.worker,
      (extract(epoch FROM now) * 1000000)::bigint::text AS now,
      (extract(epoch FROM run_at) * 1000000)::bigint::text AS run,
      (extract(epoch FROM leased_until) * 1000000)::bigint::text AS leased_until,
      (
        SELECT jsonb_agg(jsonb_build_object('id', needed.job_id::text, 'state', needed.state) ORDER BY needed.job_id)
        FROM control.dag_edges AS edge
        JOIN control.jobs AS needed ON needed.tenant = edge.tenant AND needed.job_id = edge.needs
        WHERE edge.tenant = jobs.tenant AND edge.job_id = jobs.job_id AND needed.state <> 'succeeded'
      ) AS needs,
      (
        SELECT coalesce(jsonb_agg(jsonb_build_object('scope', scope, 'name', name, 'reason', reason) ORDER BY scope, name), '[]')
        FROM control.pauses
        WHERE pauses.tenant = jobs.tenant
          AND (scope, name) IN (('tenant', ''), ('source', lanes.source), ('feed', jobs.feed), ('run', jobs.run_id::text))
      ) AS pauses,
      (
        SELECT jsonb_build_object('until', (extract(epoch FROM ends_at) * 1000000)::bigint::text, 'reason', reason)
        FROM control.blackouts
        WHERE blackouts.tenant = jobs.tenant AND blackouts.source IN ('', lanes.source)
          AND starts_at <= now AND ends_at > now
        ORDER BY ends_at DESC
        LIMIT 1
      ) AS blackout,
      tenants.max_concurrent AS tenant_max, (SELECT count(*)::integer FROM leases) AS tenant_leases,
      sources.max_concurrent AS source_max,
      (SELECT count(*)::integer FROM leases WHERE leases.source = lanes.source) AS source_leases,
      tenants.max_per_day AS day_max, daily_starts.starts::text AS day_starts,
      throttles.host IS NOT NULL AS is_throttled, control.tokens_at(throttles, now) AS tokens, rate,
      CASE WHEN not_before > now THEN (extract(epoch FROM not_before) * 1000000)::bigint::text END AS not_before,
      (
        SELECT count(*)::integer FROM control.jobs AS earlier
        WHERE earlier.lane_id = jobs.lane_id AND earlier.state = 'ready' AND earlier.ready_order < jobs.ready_order
      ) AS ahead
    FROM control.jobs
    CROSS JOIN clock
    JOIN control.lanes USING (lane_id)
    JOIN control.tenants ON tenants.tenant = jobs.tenant
    LEFT JOIN control.sources ON sources.tenant = jobs.tenant AND sources.source = lanes.source
    LEFT JOIN control.throttles ON throttles.tenant = jobs.tenant AND throttles.host = lanes.host
    LEFT JOIN control.daily_starts
      ON daily_starts.tenant = jobs.tenant AND daily_starts.day = (now AT TIME ZONE 'UTC')::date
    WHERE jobs.tenant = ${tenant} AND jobs.job_id = ${String(jobId)}::bigint`;
  if (row === undefined) return null;
  const limit = (used: number, max: number | null): Limit | null => (max === null ? null : { used, max });
  return {
    state: row.state,
    now: BigInt(row.now),
    runAt: BigInt(row.run),
    leasedUntil: row.leased_until === null ? null : BigInt(row.leased_until),
    worker: row.worker,
    needs: (row.needs ?? []).map(({ id, state }) => ({ jobId: BigInt(id), state })),
    source: row.source,
    host: row.host,
    pauses: row.pauses,
    blackout: row.blackout && { until: BigInt(row.blackout.until), reason: row.blackout.reason },
    tenantLeases: limit(row.tenant_leases, row.tenant_max),
    sourceLeases: limit(row.source_leases, row.source_max),
    tenantStartsToday: limit(Number(row.day_starts ?? 0), row.day_max),
    throttle: row.is_throttled
      ? {
          notBefore: row.not_before === null ? null : BigInt(row.not_before),
          bucket: row.tokens === null || row.rate === null ? null : { tokens: row.tokens, rate: row.rate },
        }
      : null,
    ahead: row.ahead,
  };
}
