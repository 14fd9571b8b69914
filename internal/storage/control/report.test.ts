import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { serverTestEngine, testEngines } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { makeClaim } from "./claim.ts";
import { retryJobs } from "./job-actions.ts";
import { newJob, testLedger } from "./jobs.testing.ts";
import { readJob } from "./read-jobs.ts";
import { extendLeases, type Report, reportJobs } from "./report.ts";
import { rescueJobs } from "./rescue.ts";
import { type NewJob, submitJob } from "./submit.ts";

const ACTOR = { name: "tester", reason: "a test", ticket: null };

describe.each(enginesOf(testEngines))("reports on $name", (engine) => {
  const ledger = testLedger(engine);
  const submit = async (given: Partial<NewJob> = {}) =>
    (await inTransaction(ledger.database.sql, READ_COMMITTED, (sql) => submitJob(sql, ledger.tenant, newJob(given))))
      .jobId;
  const claim = async () => {
    const request = { tenant: ledger.tenant, kinds: ["test"], worker: "w", maxJobs: 10, leaseSeconds: 60 };
    return makeClaim(() => 0)(ledger.database.sql, request);
  };
  const report = async (given: Partial<Report> = {}) => {
    const [lease] = await claim();
    if (lease === undefined) throw new Error("nothing was leased");
    const whole = {
      ...lease,
      outcome: "retry",
      retrySeconds: 0,
      throttle: null,
      reason: "error",
      message: null,
      ...given,
    } as const;
    return reportJobs(ledger.database.sql, ledger.tenant, [whole]);
  };
  const job = async (jobId: bigint) => {
    const found = await readJob(ledger.database.sql, ledger.tenant, jobId);
    if (found === null) throw new Error("there is no such job");
    return found;
  };
  const loseWorker = async () => {
    await claim();
    await ledger.database
      .sql`UPDATE control.jobs SET leased_until = now() - interval '1 second' WHERE state = 'leased'`;
    return rescueJobs(ledger.database.sql);
  };

  it("that hand a job back use up no attempt, however often", async () => {
    const jobId = await submit({ maxAttempts: 1 });
    for (let i = 1; i <= 3; i++) expect(await report({ outcome: "released" })).toEqual([{ jobId, state: "ready" }]);
    expect(await report({ outcome: "retry" })).toEqual([{ jobId, state: "dead" }]);
  });

  it("prove that a worker lives: three lost in a row are needed for a job to die", async () => {
    const jobId = await submit({ maxAttempts: 100 });
    for (let i = 1; i <= 3; i++) {
      expect(await loseWorker()).toMatchObject([{ jobId, state: "ready" }]);
      await report();
    }
    const states = [await loseWorker(), await loseWorker(), await loseWorker()].flat().map(({ state }) => state);
    expect(states).toEqual(["ready", "ready", "dead"]);
  });

  it("keep whatever a failure says, as far as it can be stored", async () => {
    const jobId = await submit();
    await report({ message: `a\0b${"😀".slice(0, 1)}c${"x".repeat(20_000)}` });
    const message = (await job(jobId)).history.at(-1)?.message ?? "";
    expect(message.startsWith("a\uFFFDb\uFFFDcxx")).toBe(true);
    expect(message).toHaveLength(10_000);
  });

  it("of an outcome that does not exist, or a wait for ever, do no harm", async () => {
    const jobId = await submit();
    expect(await report({ outcome: "cancelled" as never })).toEqual([]);
    expect((await job(jobId)).state).toBe("leased");
    await ledger.database
      .sql`UPDATE control.jobs SET leased_until = now() - interval '1 second' WHERE state = 'leased'`;
    await rescueJobs(ledger.database.sql);
    expect(await report({ retrySeconds: 1e300 })).toEqual([{ jobId, state: "ready" }]);
  });

  it("refuse a payload that cannot be stored, and a need that will not succeed, before anything is written", async () => {
    await expect(submit({ payload: { "a\0": 1 } })).rejects.toThrow("payload has a NUL");
    await expect(submit({ payload: ["\ud800"] })).rejects.toThrow("half of a surrogate pair");
    await expect(submit({ payload: undefined })).rejects.toThrow("is not a JSON value");
    const failed = await submit();
    await report({ outcome: "failed" });
    await expect(submit({ needs: [failed] })).rejects.toThrow(`needs job ${failed}, which is failed; retry that one`);
  });

  it("of several ended jobs with one idempotency key, only the newest is retried", async () => {
    const ids: bigint[] = [];
    for (let i = 0; i < 3; i++) {
      ids.push(await submit({ idempotencyKey: "nightly" }));
      await report({ outcome: "failed" });
    }
    const other = await submit();
    await report({ outcome: "failed" });
    const actor = { tenant: ledger.tenant, ...ACTOR };
    expect(await retryJobs(ledger.database.sql, actor, [...ids, other])).toEqual([ids[2], other]);
  });
});

describe.skipIf(serverTestEngine === null)("leases, while another transaction has locked a job", () => {
  const ledger = testLedger(serverTestEngine as NonNullable<typeof serverTestEngine>);

  it("are extended without waiting for it, and none is taken for lost", async () => {
    const { database, tenant } = ledger;
    const ids = [
      (await submitJob(database.sql, tenant, newJob())).jobId,
      (await submitJob(database.sql, tenant, newJob())).jobId,
    ];
    const request = { tenant, kinds: ["test"], worker: "w", maxJobs: 10, leaseSeconds: 60 };
    const leases = await makeClaim(() => 0)(database.sql, request);
    await inTransaction(database.sql, READ_COMMITTED, async (sql) => {
      await submitJob(sql, tenant, newJob({ needs: ids.slice(0, 1) }));
      const kept = await extendLeases(database.sql, tenant, leases, 60);
      const byId = leases.map(({ leaseToken }) => kept.find((lease) => lease.leaseToken === leaseToken)?.isExtended);
      expect(byId).toEqual([false, true]);
    });
    const extended = await extendLeases(database.sql, tenant, leases, 60);
    expect(extended.map(({ isExtended }) => isExtended)).toEqual([true, true]);
  });

  it("are refused outside READ COMMITTED, where a dependant could stay blocked", async () => {
    const { database, tenant } = ledger;
    const attempt = inTransaction(database.sql, "ISOLATION LEVEL REPEATABLE READ", (sql) =>
      reportJobs(sql, tenant, []),
    );
    await expect(attempt).rejects.toThrow("under READ COMMITTED only");
  });
});
