import type { Sql } from "../connection/pool.ts";
import { DELIVER_KIND } from "./deliveries.ts";

/** What is under way to a destination. */
export interface DestinationCounts {
  readonly destination: string;
  /** Deliveries that have not ended. */
  readonly pending: number;
  /** Seconds since the oldest of them was recorded; 0 for none. */
  readonly oldestSeconds: number;
  readonly deadLetters: number;
  readonly isPaused: boolean;
}

/** Counts what is under way to each destination that has, or had, deliveries. */
export function countDeliveries(sql: Sql, tenant: string): Promise<DestinationCounts[]> {
  return sql<DestinationCounts[]>`
    SELECT lanes.source AS destination, sum(live.pending)::integer AS pending,
      coalesce(max(extract(epoch FROM clock_timestamp() - live.oldest)), 0)::float8 AS "oldestSeconds",
      (
        SELECT count(*)::integer FROM control.dead_letters JOIN control.jobs USING (tenant, job_id)
        JOIN control.lanes AS of_dead ON of_dead.lane_id = jobs.lane_id
        WHERE dead_letters.tenant = ${tenant} AND of_dead.kind = ${DELIVER_KIND} AND of_dead.source = lanes.source
      ) AS "deadLetters",
      EXISTS (
        SELECT FROM control.pauses
        WHERE pauses.tenant = ${tenant} AND (scope = 'tenant' OR scope = 'source' AND name = lanes.source)
      ) AS "isPaused"
    FROM control.lanes
    CROSS JOIN LATERAL (
      SELECT count(*) AS pending, min(created_at) AS oldest FROM control.jobs
      WHERE jobs.lane_id = lanes.lane_id AND state IN ('blocked', 'ready', 'leased')
    ) AS live
    WHERE lanes.tenant = ${tenant} AND lanes.kind = ${DELIVER_KIND}
    GROUP BY lanes.source ORDER BY lanes.source`;
}
