import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { testEngines } from "../connection/database.testing.ts";
import { readAuditLog } from "./audit-log.ts";
import { addBlackout, listBlackouts, removeBlackout } from "./blackouts.ts";
import { makeClaim } from "./claim.ts";
import { type DeadLetterFilter, listDeadLetters, redriveDeadLetters } from "./dead-letters.ts";
import { cancelJobs, prioritizeJobs } from "./job-actions.ts";
import { newJob, TESTER, testLedger } from "./jobs.testing.ts";
import { listPauses, pause } from "./pauses.ts";
import { readJob } from "./read-jobs.ts";
import { reportJobs } from "./report.ts";
import { listSources, removeSource, setSource } from "./sources.ts";
import { type NewJob, submitJob } from "./submit.ts";
import { readUsage, setQuota } from "./tenants.ts";

const ANY: DeadLetterFilter = { kind: null, host: null, reason: null };

describe.each(enginesOf(testEngines))("actions on $name", (engine) => {
  const ledger = testLedger(engine);
  const sql = () => ledger.database.sql;
  const actor = () => ({ ...TESTER, tenant: ledger.tenant });
  const submit = async (given: Partial<NewJob> = {}) =>
    (await submitJob(sql(), ledger.tenant, newJob({ maxAttempts: 1, ...given }))).jobId;
  const claim = (maxJobs = 10) =>
    makeClaim(() => 0)(sql(), {
      tenant: ledger.tenant,
      kinds: ["test", "other"],
      worker: "w",
      maxJobs,
      leaseSeconds: 60,
    });
  /** Submits jobs that die. */
  const bury = async (...jobs: Partial<NewJob>[]) => {
    const ids = [];
    for (const job of jobs) ids.push(await submit(job));
    const parts = {
      outcome: "retry",
      retrySeconds: 0,
      throttle: null,
      reason: "timeout",
      message: "no answer",
    } as const;
    await reportJobs(
      sql(),
      ledger.tenant,
      (await claim()).map((lease) => ({ ...lease, ...parts })),
    );
    return ids;
  };
  const letters = (filter: Partial<DeadLetterFilter> = {}, before: bigint | null = null, limit = 10) =>
    listDeadLetters(sql(), ledger.tenant, { filter: { ...ANY, ...filter }, before, limit });
  const redrive = (filter: Partial<DeadLetterFilter>, perMinute = 60, isDryRun = false) =>
    redriveDeadLetters(sql(), actor(), { filter: { ...ANY, ...filter }, perMinute, isDryRun });

  it("list dead letters by kind, host and reason, page by page", async () => {
    const ids = await bury({ host: "a.example" }, { host: "a.example", kind: "other" }, { host: "b.example" });
    expect((await letters()).map(({ jobId }) => jobId)).toEqual(ids.toReversed());
    expect((await letters({}, ids[2], 1)).map(({ jobId }) => jobId)).toEqual([ids[1]]);
    expect(await letters({ host: "a.example", kind: "other", reason: "timeout" })).toMatchObject([
      { jobId: ids[1], attempt: 1, reason: "timeout", message: "no answer" },
    ]);
    expect(await letters({ reason: "other" })).toEqual([]);
  });

  it("redrive the dead letters that match, spread over time, and count them first", async () => {
    const ids = await bury({ host: "a.example" }, { host: "a.example" }, { host: "a.example" }, { host: "b.example" });
    await expect(redrive({})).rejects.toThrow("redrive needs a filter");
    expect(await redrive({ host: "a.example" }, 6, true)).toEqual({ matching: 3, redriven: 0 });
    expect(await letters()).toHaveLength(4);
    expect(await redrive({ host: "a.example" }, 6)).toEqual({ matching: 3, redriven: 3 });
    expect((await letters()).map(({ jobId }) => jobId)).toEqual([ids[3]]);
    const jobs = await Promise.all(ids.slice(0, 3).map((id) => readJob(sql(), ledger.tenant, id)));
    const [first, ...later] = jobs.map((job) => Number(job?.runAt) / 1e6);
    expect(later.map((time) => Math.round(time - (first ?? 0)))).toEqual([10, 20]);
    expect(jobs[0]).toMatchObject({ state: "ready", attempt: 1, maxAttempts: 6 });
    expect((await claim()).map(({ jobId }) => jobId)).toEqual([ids[0]]);
  });

  it("leave a dead letter whose idempotency key a newer job has", async () => {
    await bury({ idempotencyKey: "nightly" });
    await submit({ idempotencyKey: "nightly", runAt: 4_000_000_000_000_000n });
    expect(await redrive({ kind: "test" })).toEqual({ matching: 1, redriven: 0 });
  });

  it("move jobs to the lane of another priority", async () => {
    const [first, second, third] = [
      await submit({ priority: 5 }),
      await submit({ priority: 5 }),
      await submit({ priority: 5 }),
    ];
    expect(await prioritizeJobs(sql(), actor(), [second, third], 0)).toEqual([second, third]);
    expect(await prioritizeJobs(sql(), actor(), [third], 0)).toEqual([]);
    expect((await claim()).map(({ jobId }) => jobId)).toEqual([second, third, first]);
  });

  it("tell how many jobs a cancelled one leaves blocked, also through others", async () => {
    const first = await submit();
    const second = await submit({ needs: [first] });
    const third = await submit({ needs: [first, second] });
    await submit();
    expect(await cancelJobs(sql(), actor(), [third])).toEqual({ cancelled: [third], leftBlocked: 0 });
    await submit({ needs: [second] });
    expect(await cancelJobs(sql(), actor(), [first])).toEqual({ cancelled: [first], leftBlocked: 2 });
  });

  it("set a tenant's quota, and show what is used of it", async () => {
    await setQuota(sql(), actor(), { maxConcurrent: 3, maxPerDay: 2 });
    for (let i = 0; i < 4; i++) await submit();
    expect(await claim()).toHaveLength(2);
    await pause(sql(), actor(), { scope: "tenant", name: "" });
    const quota = { maxConcurrent: 3, maxPerDay: 2 };
    expect(await readUsage(sql(), ledger.tenant)).toEqual({
      ...quota,
      leased: 2,
      startedToday: 2,
      pausedReason: "a test",
    });
    expect(await readUsage(sql(), "nobody")).toBe(null);
  });

  it("limit a source, and list every source that has a limit, a job or a pause", async () => {
    await setSource(sql(), actor(), "kraken", 1);
    await submit({ source: "kraken" });
    await submit({ source: "kraken" });
    await submit({ source: "binance" });
    await pause(sql(), actor(), { scope: "source", name: "sdex" });
    await claim();
    const list = (after: string, limit: number) => listSources(sql(), ledger.tenant, { after, limit });
    const sources = [...(await list("", 2)), ...(await list("kraken", 2))];
    expect(sources).toEqual([
      { source: "binance", maxConcurrent: null, leased: 1, pausedReason: null },
      { source: "kraken", maxConcurrent: 1, leased: 1, pausedReason: null },
      { source: "sdex", maxConcurrent: null, leased: 0, pausedReason: "a test" },
    ]);
    expect(await removeSource(sql(), actor(), "kraken")).toBe(true);
    expect(await removeSource(sql(), actor(), "kraken")).toBe(false);
    expect(await claim()).toHaveLength(1);
  });

  it("lease nothing in a blackout, of a source or of all", async () => {
    const now = BigInt(Date.now()) * 1000n;
    const hour = 3_600_000_000n;
    const jobId = await submit({ source: "kraken" });
    const add = (source: string, from: bigint, until: bigint) => addBlackout(sql(), actor(), { source, from, until });
    await expect(add("", now, now)).rejects.toThrow("cannot end at");
    const other = await add("binance", now - hour, now + hour);
    const past = await add("", now - 2n * hour, now - hour);
    const coming = await add("kraken", now + hour, now + 2n * hour);
    for (const source of ["kraken", ""]) {
      const current = await add(source, now - hour, now + hour);
      expect(await claim()).toEqual([]);
      expect(await removeBlackout(sql(), actor(), current)).toBe(true);
      expect(await removeBlackout(sql(), actor(), current)).toBe(false);
    }
    expect((await claim()).map((lease) => lease.jobId)).toEqual([jobId]);
    const listed = await listBlackouts(sql(), ledger.tenant, { before: null, limit: 2 });
    expect(listed.map(({ blackoutId }) => blackoutId)).toEqual([coming, past]);
    expect(await listBlackouts(sql(), ledger.tenant, { before: past, limit: 2 })).toEqual([
      { blackoutId: other, source: "binance", from: now - hour, until: now + hour, reason: "a test", actor: "tester" },
    ]);
  });

  it("are in the audit log, newest first, with who, why and what changed", async () => {
    const ticket = "OPS-1";
    await pause(sql(), { ...actor(), ticket }, { scope: "feed", name: "f" });
    await setSource(sql(), actor(), "kraken", 1);
    const log = await readAuditLog(sql(), ledger.tenant, { before: null, limit: 10 });
    expect(log).toMatchObject([
      { action: "source.set", target: { source: "kraken" }, result: { max_concurrent: 1 } },
      { action: "feed.pause", actor: "tester", reason: "a test", ticket, target: { scope: "feed", name: "f" } },
    ]);
    const next = await readAuditLog(sql(), ledger.tenant, { before: log[0]?.entryId ?? 0n, limit: 10 });
    expect(next).toEqual(log.slice(1));
    expect(await listPauses(sql(), ledger.tenant)).toMatchObject([{ scope: "feed", name: "f", reason: "a test" }]);
  });

  it.each([
    "UPDATE control.job_history SET message = ''",
    "DELETE FROM control.job_history",
    "TRUNCATE control.job_history",
  ])("leave history as it is: %s", async (statement) => {
    await expect(sql().unsafe(statement)).rejects.toThrow("job_history is append-only");
  });
});
