import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { testEngines } from "../connection/database.testing.ts";
import type { Sql } from "../connection/pool.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { makeClaim } from "./claim.ts";
import { cancelJobs } from "./job-actions.ts";
import { newJob, TESTER, testLedger } from "./jobs.testing.ts";
import { readRun } from "./read-runs.ts";
import { removeEndedJobs } from "./remove-ended.ts";
import { type Report, reportJobs } from "./report.ts";
import { makeRun } from "./run-actions.ts";
import { submitJob } from "./submit.ts";

describe.each(enginesOf(testEngines))("jobs that ended long ago, on $name", (engine) => {
  const ledger = testLedger(engine);
  const submit = (given: Parameters<typeof newJob>[0] = {}) =>
    inTransaction(ledger.database.sql, READ_COMMITTED, (sql) => submitJob(sql, ledger.tenant, newJob(given))).then(
      ({ jobId }) => jobId,
    );
  const actor = () => ({ ...TESTER, tenant: ledger.tenant });
  /** Claims the next job and ends it. */
  const end = async (outcome: Report["outcome"]) => {
    const { sql } = ledger.database;
    const request = { tenant: ledger.tenant, kinds: ["test"], worker: "w", maxJobs: 1, leaseSeconds: 60 };
    const leases = await makeClaim(() => 0)(sql, request);
    const ended = { outcome, retrySeconds: 0, throttle: null, reason: null, message: null };
    await reportJobs(
      sql,
      ledger.tenant,
      leases.map(({ jobId, leaseToken }) => ({ jobId, leaseToken, ...ended })),
    );
  };
  const age = (ids: readonly bigint[]) => ledger.database.sql`
    UPDATE control.jobs SET ended_at = ended_at - interval '31 days'
    WHERE tenant = ${ledger.tenant} AND job_id = ANY(${ids.map(String)}::text[]::bigint[])`;
  const left = async (table: string) => {
    const rows = await ledger.database.sql.unsafe<{ id: string }[]>(
      `SELECT DISTINCT job_id::text AS id FROM control.${table} WHERE tenant = '${ledger.tenant}'`,
    );
    return rows.map(({ id }) => BigInt(id)).sort((a, b) => Number(a - b));
  };

  it("go with their history, in batches; others, dead letters and the audit log stay", async () => {
    const { sql } = ledger.database;
    const [succeeded, dead, cancelled, fresh] = [
      await submit(),
      await submit({ maxAttempts: 1 }),
      await submit(),
      await submit(),
    ];
    await end("succeeded");
    await end("retry");
    await cancelJobs(sql, actor(), [cancelled, fresh]);
    const waiting = await submit();
    await age([succeeded, dead, cancelled]);
    expect(await removeEndedJobs(sql, 32)).toBe(0);
    expect([
      await removeEndedJobs(sql, 30, 1),
      await removeEndedJobs(sql, 30, 1),
      await removeEndedJobs(sql, 30),
    ]).toEqual([1, 1, 0]);
    expect(await left("jobs")).toEqual([dead, fresh, waiting]);
    expect(await left("job_history")).toEqual([dead, fresh, waiting]);
    expect(await left("dead_letters")).toEqual([dead]);
    const log = await sql`SELECT FROM control.audit_log WHERE tenant = ${ledger.tenant}`;
    expect(log).toHaveLength(1);
  });

  it("stay while a job that needs them is not that old", async () => {
    const { sql } = ledger.database;
    const needed = await submit();
    const dependant = await submit({ needs: [needed] });
    await cancelJobs(sql, actor(), [needed]);
    await age([needed]);
    expect(await removeEndedJobs(sql, 30)).toBe(0);
    await cancelJobs(sql, actor(), [dependant]);
    await age([dependant]);
    expect(await removeEndedJobs(sql, 30)).toBe(2);
    expect(await left("dag_edges")).toEqual([]);
  });

  it("stay while one of their run does, and go with it", async () => {
    const { sql } = ledger.database;
    const windows = [0n, 1n, 2n].map((from) => ({ from, to: from + 1n }));
    const range = { from: 0n, to: 3n, chunkSeconds: 1, windows };
    const parts = { feed: null, payload: {}, source: "", host: "", mergeKind: "test.merge" };
    const { runId, jobs } = await makeRun(sql, actor(), { kind: "test", ...parts, ...range });
    const all = await left("jobs");
    await cancelJobs(sql, actor(), all);
    await sql`UPDATE control.runs SET created_at = created_at - interval '40 days' WHERE tenant = ${ledger.tenant}`;
    await age(jobs.slice(1));
    expect(await removeEndedJobs(sql, 30)).toBe(0);
    await age(all.filter((id) => !jobs.slice(1).includes(id)));
    expect(await removeEndedJobs(sql, 30)).toBe(all.length);
    expect([await readRun(sql, ledger.tenant, runId), await left("jobs"), await left("job_history")]).toEqual([
      null,
      [],
      [],
    ]);
  });

  it("are removed this way alone: history refuses other changes", async () => {
    const { sql } = ledger.database;
    await submit();
    await expect(sql`DELETE FROM control.job_history`).rejects.toThrow("job_history is append-only: DELETE is refused");
    await removeEndedJobs(sql, 30);
    await expect(sql`DELETE FROM control.job_history`).rejects.toThrow("DELETE is refused");
    const maintained = (change: (sql: Sql) => Promise<unknown>) =>
      inTransaction(sql, READ_COMMITTED, async (transaction) => {
        await transaction`SET LOCAL stellarindex.maintenance = 'on'`;
        await change(transaction);
      });
    const update = maintained((each) => each`UPDATE control.job_history SET reason = 'x'`);
    await expect(update).rejects.toThrow("UPDATE is refused");
    const remove = maintained((each) => each`DELETE FROM control.audit_log`);
    await expect(remove).rejects.toThrow("audit_log is append-only");
  });
});
