import type { Sql } from "../connection/pool.ts";
import type { IncidentCode } from "./incidents.ts";

/** States of jobs that wait or run, and dead letters. */
export const COUNTED_STATES = ["blocked", "ready", "leased", "dead"] as const;
export type CountedState = (typeof COUNTED_STATES)[number];

/** What is in the ledger, of all tenants. */
export interface LedgerCounts {
  /** Kinds and states without jobs are left out. */
  readonly jobs: readonly { readonly kind: string; readonly state: CountedState; readonly count: number }[];
  /** How long the first job in line has been due, by kind; kinds without a job in line are left out. */
  readonly waiting: readonly { readonly kind: string; readonly seconds: number }[];
  readonly slowedHosts: number;
  /** How often hosts have asked for fewer requests, since their limits were set. */
  readonly throttleHits: number;
  readonly openIncidents: readonly { readonly code: IncidentCode; readonly count: number }[];
}

/** Counts by indexes that hold only jobs that have not ended, so that the cost does not grow with the history. */
export async function countLedger(sql: Sql): Promise<LedgerCounts> {
  const jobs = await sql<{ kind: string; state: CountedState; count: number }[]>`
    SELECT kind, state, sum(count)::float8 AS count FROM (
      SELECT lane_id, 'ready' AS state, count(*) AS count FROM control.jobs
      WHERE state = 'ready' AND ready_order IS NOT NULL GROUP BY lane_id
      UNION ALL
      SELECT lane_id, state, count(*) FROM control.jobs
      WHERE ready_order IS NULL AND state IN ('blocked', 'ready') GROUP BY lane_id, state
      UNION ALL
      SELECT lane_id, 'leased', count(*) FROM control.jobs WHERE state = 'leased' GROUP BY lane_id
      UNION ALL
      SELECT lane_id, 'dead', count(*) FROM control.dead_letters JOIN control.jobs USING (tenant, job_id) GROUP BY lane_id
    ) AS counted
    JOIN control.lanes USING (lane_id)
    GROUP BY kind, state ORDER BY kind, state`;
  const waiting = await sql<{ kind: string; seconds: number }[]>`
    SELECT kind, max(greatest(0, extract(epoch FROM clock_timestamp() - run_at)))::float8 AS seconds
    FROM control.lanes
    CROSS JOIN LATERAL (
      SELECT run_at FROM control.jobs
      WHERE jobs.lane_id = lanes.lane_id AND state = 'ready' AND ready_order IS NOT NULL
      ORDER BY ready_order LIMIT 1
    ) AS first
    WHERE is_open
    GROUP BY kind ORDER BY kind`;
  const [hosts] = await sql<{ slowed: number; hits: number }[]>`
    SELECT count(*) FILTER (WHERE slowed_since IS NOT NULL
        AND (rate < max_rate OR not_before > statement_timestamp() - interval '1 minute'))::float8 AS slowed,
      coalesce(sum(hits), 0)::float8 AS hits
    FROM control.throttles`;
  const openIncidents = await sql<{ code: IncidentCode; count: number }[]>`
    SELECT code, count(*)::float8 AS count FROM control.incidents WHERE closed_at IS NULL GROUP BY code ORDER BY code`;
  return { jobs, waiting, slowedHosts: hosts?.slowed ?? 0, throttleHits: hosts?.hits ?? 0, openIncidents };
}
