import { describe, expect, it } from "vitest";
import { connectBeside, serverTestEngine, type TestEngine } from "../connection/database.testing.ts";
import type { Sql } from "../connection/pool.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { cancelWithin } from "./job-actions.ts";
import { TESTER, testLedger } from "./jobs.testing.ts";
import { rerunJobs } from "./rerun.ts";
import { submitJobs } from "./submit-batch.ts";

const JOBS = 500;
const COMMON = { kind: "test", priority: 5, source: "", host: "", feed: null, runId: null, maxAttempts: 5 };
const jobs = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ payload: {}, idempotencyKey: String(index) }));

/** Plans of the statements that a connection has run, as the server explains them. */
const EXPLAINED = `
  LOAD 'auto_explain';
  SET auto_explain.log_min_duration = 0;
  SET auto_explain.log_analyze = on;
  SET auto_explain.log_level = notice`;

describe.skipIf(serverTestEngine === null)("actions on many jobs of a tenant without statistics", () => {
  const ledger = testLedger(serverTestEngine as TestEngine);

  it("compare no job with all others", async () => {
    const { database, tenant } = ledger;
    const { sql } = database;
    const submit = (of: string, count: number) =>
      inTransaction(sql, READ_COMMITTED, (transaction) => submitJobs(transaction, of, COMMON, jobs(count)));
    await submit("default", 5_000);
    await sql`ANALYZE`;
    const ids = (await submit(tenant, JOBS)).map(({ jobId }) => jobId);
    const plans: string[] = [];
    const explained = connectBeside(database, { max: 1, onnotice: ({ message }) => plans.push(String(message)) });
    await explained.unsafe(EXPLAINED);
    const actor = { ...TESTER, tenant };
    const retried = { states: ["cancelled"], spacingSeconds: 0 };
    const act = (change: (transaction: Sql) => Promise<bigint[]>) => inTransaction(explained, READ_COMMITTED, change);
    expect(await act((transaction) => cancelWithin(transaction, actor, ids))).toHaveLength(JOBS);
    expect(await act((transaction) => rerunJobs(transaction, actor, ids, retried))).toHaveLength(JOBS);
    await explained.end();
    const updates = plans.filter((plan) => plan.includes("Update on jobs"));
    const compared = updates.flatMap((plan) =>
      [...plan.matchAll(/Rows Removed by Join Filter: (\d+)/g)].map(([, rows]) => Number(rows)),
    );
    expect(updates).toHaveLength(2);
    expect(Math.max(0, ...compared)).toBeLessThan(10 * JOBS);
  });
});
