import type postgres from "postgres";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { type NewArtifact, recordArtifacts } from "./artifacts.ts";
import { type Report, type Reported, reportJobs } from "./report.ts";

/** How an attempt ended, and what it produced. */
export interface ProductiveReport extends Report {
  readonly artifacts: readonly NewArtifact[];
}

/**
 * Ends attempts as {@link reportJobs} does, and keeps what the jobs produced whose success counts; both or neither. Each
 * job is reported once.
 */
export async function reportWithArtifacts(
  sql: postgres.Sql,
  tenant: string,
  reports: readonly ProductiveReport[],
): Promise<Reported[]> {
  // Most jobs produce nothing: their reports are one statement.
  if (reports.every(({ artifacts }) => artifacts.length === 0)) return reportJobs(sql, tenant, reports);
  return inTransaction(sql, READ_COMMITTED, async (transaction) => {
    const reported = await reportJobs(transaction, tenant, reports);
    const succeeded = new Set(reported.filter(({ state }) => state === "succeeded").map(({ jobId }) => jobId));
    for (const { jobId, artifacts } of reports) {
      if (succeeded.has(jobId)) await recordArtifacts(transaction, tenant, jobId, artifacts);
    }
    return reported;
  });
}
