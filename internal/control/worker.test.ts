import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { LeaseLost } from "../../sdk/worker/src/failures.ts";
import { enginesOf, isThorough } from "../../test/thoroughness.ts";
import { testEngines } from "../storage/connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../storage/connection/transaction.ts";
import { cancelJobs } from "../storage/control/job-actions.ts";
import { newJob, testLedger } from "../storage/control/jobs.testing.ts";
import { readJob } from "../storage/control/read-jobs.ts";
import { rescueJobs } from "../storage/control/rescue.ts";
import { type NewJob, submitJob } from "../storage/control/submit.ts";
import { type JobEndedEvent, jobEnded } from "./events.ts";
import { PermanentFailure } from "./kind.ts";
import { ledgerOf } from "./ledger.ts";
import { runWorker, type WorkerOptions } from "./worker.ts";

describe.each(enginesOf(testEngines))("a worker on $name", (engine) => {
  const ledger = testLedger(engine);

  const submit = async (given: Partial<NewJob> = {}) =>
    (await inTransaction(ledger.database.sql, READ_COMMITTED, (sql) => submitJob(sql, ledger.tenant, newJob(given))))
      .jobId;
  const job = async (jobId: bigint) => {
    const found = await readJob(ledger.database.sql, ledger.tenant, jobId);
    if (found === null) throw new Error("there is no such job");
    return found;
  };
  const untilState = (jobId: bigint, state: string) =>
    expect.poll(async () => (await job(jobId)).state, { timeout: 10_000 }).toBe(state);
  const reasons = async (jobId: bigint) => (await job(jobId)).history.map(({ to, reason }) => [to, reason]);

  /** Starts a worker, which the end of the test stops. */
  function start(handle: WorkerOptions["handle"], given: Partial<WorkerOptions> = {}) {
    const controller = new AbortController();
    const ended: JobEndedEvent[] = [];
    const unsubscribe = jobEnded.subscribe((event) => ended.push(event));
    const options: WorkerOptions = {
      ledger: ledgerOf(ledger.database, ledger.tenant),
      kinds: ["test"],
      name: "w1",
      concurrency: 2,
      leaseSeconds: 60,
      pollSeconds: 0.02,
      handle,
      random: () => 0,
      stopwatch: () => performance.now() / 1000,
      ...given,
    };
    const done = runWorker(options, controller.signal);
    const stop = async () => {
      controller.abort();
      await done;
      unsubscribe();
    };
    onTestFinished(stop);
    return { stop, ended };
  }
  /** A handler's work that ends when its signal is aborted only. */
  const untilAborted = (signal: AbortSignal) => sleep(600_000, {}, { signal });

  it("runs jobs, at most so many at once, and keeps their results in history", async () => {
    let active = 0;
    let most = 0;
    const ids = await Promise.all(Array.from({ length: 8 }, (_, n) => submit({ payload: { n } })));
    start(async ({ payload }) => {
      active++;
      most = Math.max(most, active);
      await sleep(5);
      active--;
      return payload as { n: number };
    });
    for (const jobId of ids) await untilState(jobId, "succeeded");
    expect(most).toBe(2);
    expect((await job(ids[3] as bigint)).history.at(-1)).toMatchObject({
      message: '{"n":3}',
      worker: "w1",
      attempt: 1,
    });
  });

  it("tries a job that failed again, and one that must fail never", async () => {
    const [flaky, hopeless] = [await submit({ payload: "flaky" }), await submit({ payload: "hopeless" })];
    start(async ({ payload, attempt }) => {
      if (payload === "hopeless") throw new PermanentFailure("no such market");
      if (attempt < 3) throw new Error("connection reset");
      return {};
    });
    await untilState(flaky, "succeeded");
    await untilState(hopeless, "failed");
    expect((await reasons(flaky)).slice(0, 3)).toEqual([
      ["ready", null],
      ["leased", null],
      ["ready", "error"],
    ]);
    expect((await job(flaky)).attempt).toBe(3);
    expect((await job(hopeless)).history.at(-1)).toMatchObject({ reason: "permanent", message: "no such market" });
  });

  it("gives up a job whose lease it lost, which another worker then ends", async () => {
    const jobId = await submit();
    const first = start((_job, signal) => untilAborted(signal), { leaseSeconds: 0.3 });
    await untilState(jobId, "leased");
    // In one transaction, or the worker could extend the lease in between.
    const rescued = await inTransaction(ledger.database.sql, READ_COMMITTED, async (sql) => {
      await sql`UPDATE control.jobs SET leased_until = clock_timestamp() WHERE job_id = ${String(jobId)}`;
      return rescueJobs(sql);
    });
    expect(rescued).toMatchObject([{ jobId, state: "ready", worker: "w1" }]);
    // The lease that the first worker may take again is told apart from the lost one by its token.
    await expect.poll(() => first.ended.map(({ outcome }) => outcome), { timeout: 10_000 }).toContain("lease_lost");
    await first.stop();
    start(async () => ({}), { name: "w2" });
    await untilState(jobId, "succeeded");
    expect((await job(jobId)).history.filter(({ to }) => to === "succeeded")).toMatchObject([{ worker: "w2" }]);
  });

  it("aborts a job that was cancelled", async () => {
    const jobId = await submit();
    let reason: unknown = null;
    const { ended } = start(
      async (_job, signal) => {
        signal.addEventListener("abort", () => (reason = signal.reason));
        await untilAborted(signal);
        return {};
      },
      { leaseSeconds: 0.3 },
    );
    await untilState(jobId, "leased");
    await cancelJobs(ledger.database.sql, { tenant: ledger.tenant, name: "tester", reason: "a test", ticket: null }, [
      jobId,
    ]);
    await expect.poll(() => ended.map(({ outcome }) => outcome), { timeout: 10_000 }).toEqual(["lease_lost"]);
    expect(reason).toBeInstanceOf(LeaseLost);
    expect((await job(jobId)).state).toBe("cancelled");
  });

  it("hands its jobs back at once when it is stopped", async () => {
    const jobId = await submit();
    const { stop } = start((_job, signal) => untilAborted(signal));
    await untilState(jobId, "leased");
    await stop();
    expect((await job(jobId)).state).toBe("ready");
    expect((await reasons(jobId)).at(-1)).toEqual(["ready", "worker_stopped"]);
  });

  it("gives up a job once its lease must have ended, although nobody could tell it so", async () => {
    const jobId = await submit();
    const real = ledgerOf(ledger.database, ledger.tenant);
    const deaf: WorkerOptions["ledger"] = { ...real, extend: () => Promise.reject(new Error("connection refused")) };
    let reason: unknown = null;
    const { ended } = start(
      async (_job, signal) => {
        signal.addEventListener("abort", () => (reason = signal.reason));
        await untilAborted(signal);
        return {};
      },
      { ledger: deaf, leaseSeconds: 0.3 },
    );
    await expect.poll(() => ended.map(({ outcome }) => outcome), { timeout: 10_000 }).toEqual(["lease_lost"]);
    expect(reason).toBeInstanceOf(LeaseLost);
    expect((await job(jobId)).attempt).toBe(1);
  });

  it("fails a job whose handler throws at once or returns no JSON, and goes on with others", async () => {
    const payloads = ["throws", "bigint", "fine"];
    const ids = [];
    for (const payload of payloads) ids.push(await submit({ payload, maxAttempts: 1 }));
    start(({ payload }) => {
      if (payload === "throws") throw new Error("at once");
      return Promise.resolve((payload === "bigint" ? { n: 1n } : { n: 1 }) as never);
    });
    await untilState(ids[2] as bigint, "succeeded");
    await untilState(ids[0] as bigint, "dead");
    await untilState(ids[1] as bigint, "dead");
  });

  if (isThorough)
    it("runs no more at once than its concurrency, also where lost work does not end", async () => {
      for (let i = 0; i < 3; i++) await submit();
      let ends: (() => void)[] = [];
      const { ended, stop } = start(() => new Promise((resolve) => ends.push(() => resolve({}))), {
        concurrency: 1,
        leaseSeconds: 0.3,
      });
      await expect.poll(() => ends.length).toBe(1);
      await ledger.database.sql`
      UPDATE control.jobs SET lease_token = nextval('control.lease_tokens') WHERE tenant = ${ledger.tenant} AND state = 'leased'`;
      await expect.poll(() => ended.map(({ outcome }) => outcome), { timeout: 10_000 }).toEqual(["lease_lost"]);
      expect(ends).toHaveLength(1);
      for (const end of ends.splice(0)) end();
      await expect.poll(() => ends.length, { timeout: 10_000 }).toBe(1);
      await stop();
      ends = [];
    });

  if (isThorough)
    it("does not wait for work that does not end when it is aborted", async () => {
      const jobId = await submit();
      let end = () => {};
      const { stop } = start(() => new Promise((resolve) => (end = () => resolve({}))));
      await untilState(jobId, "leased");
      await stop();
      expect((await reasons(jobId)).at(-1)).toEqual(["ready", "worker_stopped"]);
      end();
    });

  it("outlives a ledger that does not answer for a while, and reports what it has done meanwhile", async () => {
    const jobId = await submit();
    const real = ledgerOf(ledger.database, ledger.tenant);
    const failures = { claim: 2, report: 1 };
    const failing = <T>(call: keyof typeof failures, ask: () => Promise<T>): Promise<T> =>
      failures[call]-- > 0 ? Promise.reject(new Error("connection refused")) : ask();
    const failingLedger: WorkerOptions["ledger"] = {
      ...real,
      claim: (request) => failing("claim", () => real.claim(request)),
      report: (reports) => failing("report", () => real.report(reports)),
    };
    start(async () => ({}), { ledger: failingLedger });
    await untilState(jobId, "succeeded");
    expect((await job(jobId)).attempt).toBe(1);
    expect(Math.max(failures.claim, failures.report)).toBeLessThan(0);
  });
});
