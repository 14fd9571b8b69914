import { afterAll, beforeAll, beforeEach } from "vitest";
import { openTestDatabase, type TestDatabase, type TestEngine } from "../connection/database.testing.ts";
import type { Database } from "../connection/database.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { type LeasedJob, makeClaim } from "./claim.ts";
import { type NewJob, submitJob } from "./submit.ts";

/** A migrated database for the tests of a suite, and a tenant of its own for each test. */
export function testLedger(engine: TestEngine): { readonly database: TestDatabase; readonly tenant: string } {
  let tenants = 0;
  const ledger = { tenant: "" } as { database: TestDatabase; tenant: string };
  beforeAll(async () => {
    ledger.database = await openTestDatabase(engine);
  });
  afterAll(() => ledger.database.drop());
  beforeEach(async () => {
    ledger.tenant = `t${tenants++}`;
    await ledger.database.sql`INSERT INTO control.tenants (tenant) VALUES (${ledger.tenant})`;
  });
  return ledger;
}

/** Who acts in tests. */
export const TESTER = { name: "tester", reason: "a test", ticket: null };

/** A job that runs at once, with no limits; `given` replaces parts of it. */
export function newJob(given: Partial<NewJob> = {}): NewJob {
  return {
    kind: "test",
    payload: {},
    priority: 5,
    source: "",
    host: "",
    feed: null,
    runId: null,
    runAt: null,
    maxAttempts: 5,
    idempotencyKey: null,
    needs: [],
    traceparent: null,
    ...given,
  };
}

/** Submits a job and leases it to a worker, for a minute. */
export async function leaseNewJob(
  sql: Database["sql"],
  tenant: string,
  given: Partial<NewJob> = {},
): Promise<LeasedJob> {
  const { kind } = newJob(given);
  await inTransaction(sql, READ_COMMITTED, (transaction) => submitJob(transaction, tenant, newJob(given)));
  const request = { tenant, kinds: [kind], worker: "tester", maxJobs: 1, leaseSeconds: 60 };
  const [job] = await makeClaim(() => 0)(sql, request);
  if (job === undefined) throw new Error("the job was not leased");
  return job;
}
