import type { Sql } from "../../internal/storage/connection/pool.ts";

/** The transitions that a job may make, from its first entry (null) on. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  null: ["ready", "blocked"],
  blocked: ["ready", "cancelled"],
  ready: ["leased", "cancelled"],
  leased: ["ready", "succeeded", "failed", "dead", "cancelled"],
  failed: ["ready", "blocked"],
  dead: ["ready", "blocked"],
  cancelled: ["ready", "blocked"],
};

interface Entry {
  readonly job: string;
  readonly state: string;
  readonly attempt: number;
  readonly path: readonly { readonly from: string | null; readonly to: string; readonly attempt: number }[];
}

/**
 * Returns what is wrong with a ledger: a job that is lost, made a transition that history does not tell or that is not
 * allowed, ran to completion twice, or has attempts without history.
 * @param submitted ids of all jobs that were acknowledged
 */
export async function ledgerFaults(sql: Sql, submitted: readonly string[]): Promise<string[]> {
  const jobs = await sql<Entry[]>`
    SELECT jobs.job_id::text AS job, state, attempt, (
      SELECT jsonb_agg(
        jsonb_build_object('from', from_state, 'to', to_state, 'attempt', history.attempt) ORDER BY entry_id
      )
      FROM control.job_history AS history
      WHERE history.tenant = jobs.tenant AND history.job_id = jobs.job_id
    ) AS path
    FROM control.jobs`;
  const known = new Set(jobs.map(({ job }) => job));
  const lost = submitted.filter((id) => !known.has(id)).map((id) => `job ${id} is lost`);
  return [...lost, ...jobs.flatMap(faultsOf)];
}

function faultsOf({ job, state, attempt, path }: Entry): string[] {
  const faults: string[] = [];
  let last: string | null = null;
  for (const { from, to } of path) {
    if (from !== last || !ALLOWED[String(from)]?.includes(to)) faults.push(`job ${job}: ${last} then ${from} -> ${to}`);
    last = to;
  }
  if (last !== state) faults.push(`job ${job} is ${state}, by its history ${last}`);
  const leases = path.filter(({ to }) => to === "leased").map((entry) => entry.attempt);
  if (leases.length !== attempt || leases.some((each, index) => each !== index + 1)) {
    faults.push(`job ${job} had ${attempt} attempts, by its history ${leases.join(", ")}`);
  }
  if (path.filter(({ to }) => to === "succeeded").length > 1) faults.push(`job ${job} ran to completion twice`);
  return faults;
}
