import type { TestDatabase } from "../connection/database.testing.ts";
import type { Claim } from "./claim.ts";
import type { HeldLease } from "./report.ts";

/** What a tenant's calls are made from. */
export interface CallContext {
  readonly database: TestDatabase;
  readonly tenant: string;
  readonly claim: Claim;
  /** Ids of jobs and leases, and of blackouts, of any tenant. */
  readonly leases: readonly HeldLease[];
  readonly blackouts: readonly bigint[];
  /** Returns one of the values, by chance. */
  readonly pick: <T>(values: readonly T[]) => T;
}
