import type postgres from "postgres";
import type { Sql } from "../connection/pool.ts";
import { type Actor, audited } from "./audit.ts";

/** A source that has settings, jobs or a pause. */
export interface SourceLimits {
  readonly source: string;
  /** Jobs that may be leased at once; null for any number. */
  readonly maxConcurrent: number | null;
  readonly leased: number;
  /** Null where it is not paused. */
  readonly pausedReason: string | null;
}

/** Sets how many jobs of a source may be leased at once. */
export function setSource(sql: postgres.Sql, actor: Actor, source: string, maxConcurrent: number): Promise<void> {
  return audited(sql, actor, { action: "source.set", target: { source } }, async (transaction) => {
    await transaction`
      INSERT INTO control.sources (tenant, source, max_concurrent) VALUES (${actor.tenant}, ${source}, ${maxConcurrent})
      ON CONFLICT (tenant, source) DO UPDATE SET max_concurrent = excluded.max_concurrent`;
    return { result: undefined, shown: { max_concurrent: maxConcurrent } };
  });
}

/** Removes a source's limit; returns false if it had none. */
export function removeSource(sql: postgres.Sql, actor: Actor, source: string): Promise<boolean> {
  return audited(sql, actor, { action: "source.remove", target: { source } }, async (transaction) => {
    const { count } = await transaction`
      DELETE FROM control.sources WHERE tenant = ${actor.tenant} AND source = ${source}`;
    return { result: count > 0, shown: { removed: count > 0 } };
  });
}

/** Returns the sources after the given one, by name. */
export async function listSources(
  sql: Sql,
  tenant: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<SourceLimits[]> {
  return sql<SourceLimits[]>`
    WITH known AS (
      SELECT source FROM control.sources WHERE tenant = ${tenant}
      UNION SELECT source FROM control.lanes WHERE tenant = ${tenant} AND source <> ''
      UNION SELECT name FROM control.pauses WHERE tenant = ${tenant} AND scope = 'source'
    )
    SELECT known.source, max_concurrent AS "maxConcurrent", pauses.reason AS "pausedReason",
      (
        SELECT count(*)::integer FROM control.jobs JOIN control.lanes USING (lane_id)
        WHERE lanes.tenant = ${tenant} AND lanes.source = known.source AND state = 'leased'
      ) AS leased
    FROM known
    LEFT JOIN control.sources ON sources.tenant = ${tenant} AND sources.source = known.source
    LEFT JOIN control.pauses
      ON pauses.tenant = ${tenant} AND pauses.scope = 'source' AND pauses.name = known.source
    WHERE known.source > ${after}
    ORDER BY known.source
    LIMIT ${limit}`;
}
