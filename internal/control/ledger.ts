import type { Ledger } from "../../sdk/worker/src/ledger.ts";
import { retryConflicts } from "../storage/connection/conflicts.ts";
import type { Database } from "../storage/connection/database.ts";
import { type LeasedJob, makeClaim } from "../storage/control/claim.ts";
import { extendLeases, reportJobs } from "../storage/control/report.ts";

/** Returns the ledger of a tenant in the database, for workers of this process. */
export function ledgerOf({ sql }: Pick<Database, "sql">, tenant: string): Ledger<LeasedJob> {
  const claim = makeClaim(() => performance.now());
  return {
    claim: (request) => claim(sql, { tenant, ...request }),
    extend: (leases, leaseSeconds) => extendLeases(sql, tenant, leases, leaseSeconds),
    report: (reports) => retryConflicts(() => reportJobs(sql, tenant, reports)),
  };
}
