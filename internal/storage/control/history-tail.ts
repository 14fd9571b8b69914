import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import type { JobState } from "./read-jobs.ts";

/** Which transactions had ended at a moment: what a reader of the history could see. */
export interface HistorySnapshot {
  /** As PostgreSQL writes it. */
  readonly text: string;
  /** Every transaction below this had ended. */
  readonly lowest: bigint;
  /** None from this one on had ended. */
  readonly highest: bigint;
  /** Those between both that had not ended. */
  readonly running: readonly bigint[];
  /** Every transaction from this one on began to write after the moment, and numbers its entries above `lastEntry`. */
  readonly next: bigint;
  /** The last entry that could be seen; 0 for none. */
  readonly lastEntry: bigint;
}

/** A transition of a job. */
export interface Transition {
  readonly tenant: string;
  readonly entryId: bigint;
  readonly jobId: bigint;
  readonly kind: string;
  readonly source: string;
  readonly host: string;
  readonly feed: string | null;
  readonly runId: bigint | null;
  readonly traceparent: string | null;
  readonly at: Micros;
  /** Null for the first entry of a job. */
  readonly from: JobState | null;
  readonly to: JobState;
  readonly attempt: number;
  readonly worker: string | null;
  readonly reason: string | null;
  readonly message: string | null;
  /** Since the job's previous transition, or since it was due if that came later; null where neither is known. */
  readonly seconds: number | null;
}

/** The tenants whose history is read; null for all. */
export type Tenants = readonly string[] | null;

interface SnapshotRow {
  snapshot: string;
  lowest: string;
  highest: string;
  running: string;
  next: string;
  last: string;
}

/** Returns what can be seen of the tenants' history now. */
export async function readHistorySnapshot(sql: Sql, tenants: Tenants): Promise<HistorySnapshot> {
  // A transaction of the ledger has its number before it numbers an entry, since it has locked or written a job before.
  const [row] = await sql<SnapshotRow[]>`
    WITH moment AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot)
    SELECT snapshot::text AS snapshot, pg_snapshot_xmin(snapshot)::text AS lowest,
      pg_snapshot_xmax(snapshot)::text AS highest,
      coalesce((SELECT string_agg(number::text, ',') FROM pg_snapshot_xip(snapshot) AS number), '') AS running,
      pg_current_xact_id()::text AS next,
      coalesce((
        SELECT max(newest) FROM ${tenantsOf(sql, tenants)}
        CROSS JOIN LATERAL (
          SELECT max(entry_id) AS newest FROM control.job_history WHERE job_history.tenant = given.tenant
        ) AS of_tenant
      ), 0)::text AS last
    FROM moment`;
  if (row === undefined) throw new Error("the snapshot has no row");
  return {
    text: row.snapshot,
    lowest: BigInt(row.lowest),
    highest: BigInt(row.highest),
    running: row.running === "" ? [] : row.running.split(",").map(BigInt),
    next: BigInt(row.next),
    lastEntry: BigInt(row.last),
  };
}

/** Which transitions. */
export interface TransitionFilter {
  readonly tenants: Tenants;
  /** Only entries with a higher number. */
  readonly after: bigint;
  /** Only what could not be seen at this moment; null for all. */
  readonly unseenAt: HistorySnapshot | null;
  /** Only what could be seen at this moment. */
  readonly seenAt: HistorySnapshot;
  readonly limit: number;
}

interface TransitionRow {
  tenant: string;
  entry: string;
  job: string;
  kind: string;
  source: string;
  host: string;
  feed: string | null;
  run: string | null;
  traceparent: string | null;
  at: string;
  from_state: JobState | null;
  to_state: JobState;
  attempt: number;
  worker: string | null;
  reason: string | null;
  message: string | null;
  seconds: number | null;
}

/** Returns transitions in the order of their entries. */
export async function readTransitions(
  sql: Sql,
  { tenants, after, unseenAt, seenAt, limit }: TransitionFilter,
): Promise<Transition[]> {
  const rows = await sql<TransitionRow[]>`
    WITH found AS MATERIALIZED (
      SELECT entry.* FROM ${tenantsOf(sql, tenants)}
      CROSS JOIN LATERAL (
        SELECT * FROM control.job_history
        WHERE job_history.tenant = given.tenant AND entry_id > ${String(after)}::bigint
          AND pg_visible_in_snapshot(transaction, ${seenAt.text}::pg_snapshot)
          ${unseenAt === null ? sql`` : sql`AND NOT pg_visible_in_snapshot(transaction, ${unseenAt.text}::pg_snapshot)`}
        ORDER BY entry_id LIMIT ${limit}
      ) AS entry
      ORDER BY entry.entry_id LIMIT ${limit}
    )
    SELECT found.tenant, found.entry_id::text AS entry, found.job_id::text AS job, kind, source, host, feed,
      run_id::text AS run, traceparent, (extract(epoch FROM found.at) * 1000000)::bigint::text AS at,
      found.from_state, found.to_state, found.attempt, found.worker, found.reason, found.message,
      -- A job that is due again by now has another run_at than it had then.
      CASE WHEN found.to_state <> 'leased' THEN extract(epoch FROM found.at - before.at)::float8
        WHEN run_at <= found.at THEN extract(epoch FROM found.at - greatest(before.at, run_at))::float8
      END AS seconds
    FROM found
    JOIN control.jobs ON jobs.tenant = found.tenant AND jobs.job_id = found.job_id
    JOIN control.lanes USING (lane_id)
    LEFT JOIN LATERAL (
      SELECT at FROM control.job_history AS before
      WHERE before.tenant = found.tenant AND before.job_id = found.job_id AND before.entry_id < found.entry_id
      ORDER BY before.entry_id DESC LIMIT 1
    ) AS before ON true
    ORDER BY found.entry_id`;
  return rows.map(({ entry, job, run, at, from_state: from, to_state: to, ...rest }) => ({
    ...rest,
    entryId: BigInt(entry),
    jobId: BigInt(job),
    runId: run === null ? null : BigInt(run),
    at: BigInt(at),
    from,
    to,
  }));
}

/** Returns the number of the first entry that a tenant's history still has; null where it has none. */
export async function firstEntry(sql: Sql, tenant: string): Promise<bigint | null> {
  const [row] = await sql<{ first: string | null }[]>`
    SELECT min(entry_id)::text AS first FROM control.job_history WHERE tenant = ${tenant}`;
  return row?.first == null ? null : BigInt(row.first);
}

function tenantsOf(sql: Sql, tenants: Tenants) {
  return tenants === null
    ? sql`(SELECT tenant FROM control.tenants) AS given`
    : sql`unnest(${[...tenants]}::text[]) AS given (tenant)`;
}
