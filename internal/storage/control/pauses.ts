import type postgres from "postgres";
import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { type Actor, audited } from "./audit.ts";

export const PAUSE_SCOPES = ["tenant", "source", "feed", "run"] as const;

/** What a pause keeps from being leased. */
export interface PauseTarget {
  readonly scope: (typeof PAUSE_SCOPES)[number];
  /** Of the source or feed, or the id of the run; empty for the tenant itself. */
  readonly name: string;
}

export interface Pause extends PauseTarget {
  readonly reason: string;
  readonly actor: string;
  readonly since: Micros;
}

/**
 * Keeps the jobs of a target from being leased; those that are leased run on. Returns false if it was paused already,
 * which stays as it is. It waits for transactions that submit jobs of the feed or run.
 */
export function pause(sql: postgres.Sql, actor: Actor, target: PauseTarget): Promise<boolean> {
  return act(sql, actor, "pause", target, async (transaction) => {
    const added = await transaction`
      INSERT INTO control.pauses (tenant, scope, name, reason, actor)
      VALUES (${actor.tenant}, ${target.scope}, ${target.name}, ${actor.reason}, ${actor.name})
      ON CONFLICT DO NOTHING`;
    return added.count > 0;
  });
}

/** Lifts a pause: what is due gets its place in line with the next claim. Returns false if there was none. */
export function resume(sql: postgres.Sql, actor: Actor, target: PauseTarget): Promise<boolean> {
  return act(sql, actor, "resume", target, async (transaction) => {
    const removed = await transaction`
      DELETE FROM control.pauses
      WHERE tenant = ${actor.tenant} AND scope = ${target.scope} AND name = ${target.name}`;
    return removed.count > 0;
  });
}

/** Returns what is paused. */
export async function listPauses(sql: Sql, tenant: string): Promise<Pause[]> {
  const rows = await sql<(Omit<Pause, "since"> & { since: string })[]>`
    SELECT scope, name, reason, actor, (extract(epoch FROM since) * 1000000)::bigint::text AS since
    FROM control.pauses WHERE tenant = ${tenant} ORDER BY scope, name`;
  return rows.map((row) => ({ ...row, since: BigInt(row.since) }));
}

/** Which sources or feeds a tenant has. */
export interface KnownNames {
  /** Whether it has the one that was asked for. */
  readonly isKnown: boolean;
  /** The first of them, in the order of their names. */
  readonly names: readonly string[];
}

/** Looks a source or feed up among those that the tenant has: declared, limited, or with a job that was ever submitted. */
export async function findName(
  sql: Sql,
  tenant: string,
  { scope, name }: { readonly scope: "source" | "feed"; readonly name: string },
  limit: number,
): Promise<KnownNames> {
  const known =
    scope === "feed"
      ? sql`
        SELECT feed AS name FROM control.feeds WHERE tenant = ${tenant}
        UNION SELECT name FROM control.pausable WHERE tenant = ${tenant} AND scope = 'feed'`
      : sql`
        SELECT source AS name FROM control.sources WHERE tenant = ${tenant}
        UNION SELECT source FROM control.lanes WHERE tenant = ${tenant} AND source <> ''
        UNION SELECT source FROM control.feeds WHERE tenant = ${tenant} AND source <> ''`;
  const rows = await sql<{ name: string; isAsked: boolean }[]>`
    SELECT name, name = ${name} AS "isAsked" FROM (${known}) AS known
    ORDER BY name <> ${name}, name LIMIT ${limit}`;
  return { isKnown: rows[0]?.isAsked === true, names: rows.map((row) => row.name) };
}

function act(
  sql: postgres.Sql,
  actor: Actor,
  verb: "pause" | "resume",
  { scope, name }: PauseTarget,
  change: (sql: Sql) => Promise<boolean>,
): Promise<boolean> {
  const action = { action: `${scope}.${verb}`, target: { scope, name } };
  return audited(sql, actor, action, async (transaction) => {
    if (scope === "feed" || scope === "run") await lock(transaction, actor.tenant, { scope, name });
    const isChanged = await change(transaction);
    // Also where nothing changed: it mends a job that is not as the pauses are.
    if (scope === "feed") await hold(transaction, actor.tenant, transaction`feed = ${name}`);
    if (scope === "run") await hold(transaction, actor.tenant, transaction`run_id = ${name}::bigint`);
    return { result: isChanged, shown: { changed: isChanged } };
  });
}

/** Waits for whoever submits jobs of a feed or run (control.is_held), and has others wait until the transaction ends. */
async function lock(sql: Sql, tenant: string, { scope, name }: PauseTarget): Promise<void> {
  await sql`
    INSERT INTO control.pausable (tenant, scope, name) VALUES (${tenant}, ${scope}, ${name}) ON CONFLICT DO NOTHING`;
  await sql`
    SELECT FROM control.pausable WHERE tenant = ${tenant} AND scope = ${scope} AND name = ${name} FOR UPDATE`;
}

/** Takes jobs out of line, or lets them into it, as the pauses of their feeds and runs are now. */
async function hold(sql: Sql, tenant: string, which: ReturnType<Sql>): Promise<void> {
  await sql`
    WITH chosen AS (
      SELECT tenant, job_id, EXISTS (
        SELECT FROM control.pauses
        WHERE pauses.tenant = jobs.tenant
          AND (scope = 'feed' AND name = feed OR scope = 'run' AND name = run_id::text)
      ) AS held
      FROM control.jobs
      WHERE tenant = ${tenant} AND ${which} AND state IN ('blocked', 'ready', 'leased')
      ORDER BY job_id
      FOR NO KEY UPDATE OF jobs
    )
    UPDATE control.jobs SET is_held = held, ready_order = CASE WHEN NOT held THEN ready_order END
    FROM chosen
    WHERE jobs.tenant = chosen.tenant AND jobs.job_id = chosen.job_id AND is_held <> held`;
}
