import { describe, expect, it } from "vitest";
import { serverTestEngine, type TestEngine } from "../connection/database.testing.ts";
import type { Sql } from "../connection/pool.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { cancelWithin } from "./job-actions.ts";
import { TESTER, testLedger } from "./jobs.testing.ts";
import { rerunJobs } from "./rerun.ts";
import { submitJobs } from "./submit-batch.ts";

const JOBS = 300;
const COMMON = { kind: "test", priority: 5, source: "", host: "", feed: null, runId: null, maxAttempts: 5 };
const jobs = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ payload: {}, idempotencyKey: String(index) }));

/** Returns the rows of jobs that the transaction has read until now. */
async function rowsRead(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT (pg_stat_get_xact_tuples_fetched('control.jobs'::regclass)
      + pg_stat_get_xact_tuples_returned('control.jobs'::regclass))::float8 AS count`;
  return row?.count ?? 0;
}

describe.skipIf(serverTestEngine === null)("actions on many jobs of a tenant without statistics", () => {
  const ledger = testLedger(serverTestEngine as TestEngine);

  it("read each of the jobs a few times, not all for each", async () => {
    const { database, tenant } = ledger;
    const { sql } = database;
    const submit = (of: string, count: number) =>
      inTransaction(sql, READ_COMMITTED, (transaction) => submitJobs(transaction, of, COMMON, jobs(count)));
    await submit("default", 3_000);
    await sql`ANALYZE`;
    const ids = (await submit(tenant, JOBS)).map(({ jobId }) => jobId);
    const actor = { ...TESTER, tenant };
    const retried = { states: ["cancelled"], spacingSeconds: 0 };
    for (const act of [
      (transaction: Sql) => cancelWithin(transaction, actor, ids),
      (transaction: Sql) => rerunJobs(transaction, actor, ids, retried),
    ]) {
      await inTransaction(sql, READ_COMMITTED, async (transaction) => {
        const before = await rowsRead(transaction);
        expect(await act(transaction)).toHaveLength(JOBS);
        expect((await rowsRead(transaction)) - before).toBeLessThan(20 * JOBS);
      });
    }
  });
});
