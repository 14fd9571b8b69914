import type { Ledger, Report, Reported } from "../../sdk/worker/src/ledger.ts";
import { groupCalls } from "../lib/grouped-calls.ts";
import { retryConflicts } from "../storage/connection/conflicts.ts";
import type { Database } from "../storage/connection/database.ts";
import { type LeasedJob, makeClaim } from "../storage/control/claim.ts";
import { extendLeases, reportJobs } from "../storage/control/report.ts";

const GROUPS = { maxItems: 200, parallel: 2 };

/**
 * Returns the ledger of the tenant for deliveries of this process: attempts that end about the same time are reported by one
 * statement.
 * @param stopwatch a monotonic clock, in seconds
 */
export function deliveryLedger(
  { sql }: Pick<Database, "sql">,
  tenant: string,
  stopwatch: () => number,
): Ledger<LeasedJob> {
  const claim = makeClaim(() => stopwatch() * 1000);
  const report = groupCalls(async (reports: readonly Report[]): Promise<(Reported | null)[]> => {
    const counted = await retryConflicts(() => reportJobs(sql, tenant, reports));
    // A job is leased once at a time, so that of two reports of a job at most one counts.
    const states = new Map(counted.map((job) => [job.jobId, job]));
    return reports.map(({ jobId }) => states.get(jobId) ?? null);
  }, GROUPS);
  return {
    claim: (request) => claim(sql, { tenant, ...request }),
    extend: (leases, leaseSeconds) => extendLeases(sql, tenant, leases, leaseSeconds),
    report: async (reports) => (await report(reports).outcomes).filter((reported) => reported !== null),
  };
}
