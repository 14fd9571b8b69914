import { expect } from "vitest";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { cancelJobs, retryJobs } from "./job-actions.ts";
import { newJob, TESTER } from "./jobs.testing.ts";
import {
  blockedBy,
  ENDED,
  FEED,
  HOPELESS,
  HOST,
  isDone,
  isOpen,
  LIMIT,
  LIMITED,
  leasedOf,
  MAX_ATTEMPTS,
  MAX_RATE,
  type Model,
  type ModelJob,
  RUN,
  step,
  unblock,
} from "./model.testing.ts";
import { extendLeases, type Report, reportJobs } from "./report.ts";
import { closeLanes, rescueJobs } from "./rescue.ts";
import { submitJob } from "./submit.ts";

export const submit = (
  needsOf: readonly number[],
  key: string | null,
  limit: "" | "source" | "host",
  part: "" | "feed" | "run" | "both",
  priority: number,
) =>
  step(`submit([${needsOf}], ${key}, ${limit}, ${part}, ${priority})`, async (model, { database, tenant }) => {
    const needs = [...new Set(needsOf.map((n) => model.jobs[n % Math.max(1, model.jobs.length)]?.id))].filter(
      (id) => id !== undefined,
    );
    const belongsTo = {
      source: limit === "source" ? LIMITED : "",
      host: limit === "host" ? HOST : "",
      feed: part === "feed" || part === "both" ? FEED : null,
      runId: part === "run" || part === "both" ? RUN : null,
    };
    const isHopeless = needs.some((id) => HOPELESS.includes(model.jobs.find((job) => job.id === id)?.state ?? ""));
    const same = model.jobs.find((job) => key !== null && job.key === key && !ENDED.includes(job.state));
    const given = newJob({
      ...belongsTo,
      needs,
      idempotencyKey: key,
      priority,
      maxAttempts: MAX_ATTEMPTS,
    });
    const submitted = inTransaction(database.sql, READ_COMMITTED, (sql) => submitJob(sql, tenant, given));
    if (isHopeless) return expect(submitted).rejects.toThrow("retry that one first");
    const { jobId, isNew } = await submitted;
    expect(isNew).toBe(same === undefined);
    if (same !== undefined) return expect(jobId).toBe(same.id) as undefined;
    const state = needs.every((id) => isDone(model, id)) ? "ready" : "blocked";
    model.jobs.push({
      id: jobId,
      ...belongsTo,
      key,
      needs,
      state,
      attempt: 0,
      workersLost: 0,
      maxAttempts: MAX_ATTEMPTS,
      leases: [],
    });
  });

export const claim = (maxJobs: number) =>
  step(`claim(${maxJobs})`, async (model, real) => {
    const ready = model.jobs.filter((job) => job.state === "ready" && isOpen(model, job));
    const room = LIMIT - leasedOf(model, LIMITED);
    const limited = ready.filter(({ source }) => source === LIMITED).length;
    const tokens = model.isWaiting ? 0 : model.tokens;
    const throttled = ready.filter(({ host }) => host === HOST).length;
    const free = ready.length - limited - throttled;
    const leases = await real.claim(real.database.sql, {
      tenant: real.tenant,
      kinds: ["test"],
      worker: "w",
      maxJobs,
      leaseSeconds: 600,
    });
    expect(leases).toHaveLength(Math.min(maxJobs, free + Math.min(room, limited) + Math.min(tokens, throttled)));
    for (const lease of leases) {
      const job = model.jobs.find(({ id }) => id === lease.jobId) as ModelJob;
      expect(ready).toContain(job);
      if (job.host === HOST) model.tokens -= 1;
      expect(job.needs.every((id) => isDone(model, id))).toBe(true);
      expect(lease.leaseToken).toBeGreaterThan(job.leases.at(-1)?.leaseToken ?? 0n);
      expect(lease.attempt).toBe(job.attempt + 1);
      job.attempt = lease.attempt;
      job.state = "leased";
      job.leases.push(lease);
    }
  });

/** Reports about any lease there ever was: only that of a job's present attempt may count. */
export const report = (choice: number, outcome: Report["outcome"], isThrottled: boolean) =>
  step(`report(${choice}, ${outcome}, ${isThrottled})`, async (model, { database, tenant }) => {
    const leases = model.jobs.flatMap((job) => job.leases.map((lease) => ({ job, lease })));
    const chosen = leases[choice % Math.max(1, leases.length)];
    if (chosen === undefined) return;
    const { job, lease } = chosen;
    const isHeld = job.state === "leased" && job.leases.at(-1) === lease;
    const throttle = isThrottled ? { retryAfterSeconds: 3600 } : null;
    const { leaseToken } = lease;
    const parts = { outcome, retrySeconds: 0, throttle, reason: "test", message: null };
    const reports = [{ jobId: job.id, leaseToken, ...parts }];
    const accepted = await reportJobs(database.sql, tenant, reports);
    if (!isHeld) return expect(accepted).toEqual([]) as undefined;
    const isLast = outcome === "retry" && job.attempt >= job.maxAttempts;
    const next = outcome === "succeeded" || outcome === "failed" ? outcome : isLast ? "dead" : "ready";
    if (outcome === "released") job.maxAttempts += 1;
    job.workersLost = 0;
    expect(accepted).toEqual([{ jobId: job.id, state: next }]);
    job.state = next;
    unblock(model);
    if (job.host === HOST) adapt(model, isThrottled, next === "succeeded");
    // The host's wait is one of the model's steps; the job's own is left out.
    await database.sql`
      UPDATE control.jobs SET run_at = created_at WHERE tenant = ${tenant} AND job_id = ${String(job.id)}`;
  });

export const heartbeat = step("heartbeat", async (model, { database, tenant }) => {
  const leases = model.jobs.flatMap(({ leases }) => leases);
  const held = model.jobs.filter(({ state }) => state === "leased").map(({ leases }) => leases.at(-1)?.leaseToken);
  const extended = await extendLeases(database.sql, tenant, leases, 600);
  expect(new Set(extended.map(({ leaseToken }) => leaseToken))).toEqual(new Set(held));
  expect(extended.every(({ isExtended }) => isExtended)).toBe(true);
});

export const rescue = (choice: number) =>
  step(`rescue(${choice})`, async (model, { database, tenant }) => {
    const held = model.jobs.filter(({ state }) => state === "leased");
    const job = held[choice % Math.max(1, held.length)];
    if (job === undefined) return expect(await rescueJobs(database.sql)).toEqual([]) as undefined;
    await database.sql`
      UPDATE control.jobs SET leased_until = clock_timestamp() WHERE tenant = ${tenant} AND job_id = ${String(job.id)}`;
    job.workersLost += 1;
    job.state = job.workersLost >= 3 || job.attempt >= job.maxAttempts ? "dead" : "ready";
    expect(await rescueJobs(database.sql)).toEqual([
      { tenant, jobId: job.id, state: job.state, attempt: job.attempt, worker: "w" },
    ]);
  });

/** Closes every lane that it may. Nothing of the model changes, and claims find the same jobs after it. */
export const close = step("closeLanes", async (_model, { database }) => {
  await closeLanes(database.sql, 0);
});

export const cancel = (choice: number) =>
  step(`cancel(${choice})`, async (model, { database, tenant }) => {
    const job = model.jobs[choice % Math.max(1, model.jobs.length)];
    if (job === undefined) return;
    const isOver = ENDED.includes(job.state);
    if (!isOver) job.state = "cancelled";
    expect(await cancelJobs(database.sql, { tenant, ...TESTER }, [job.id])).toEqual({
      cancelled: isOver ? [] : [job.id],
      leftBlocked: isOver ? 0 : blockedBy(model, job.id).size,
    });
  });

/** Retries a job, and another one that is not there. */
export const retry = (choice: number) =>
  step(`retry(${choice})`, async (model, { database, tenant }) => {
    const job = model.jobs[choice % Math.max(1, model.jobs.length)];
    if (job === undefined) return;
    const isTaken = model.jobs.some(({ key, state }) => key !== null && key === job.key && !ENDED.includes(state));
    const may = ["failed", "dead", "cancelled"].includes(job.state) && !isTaken;
    expect(await retryJobs(database.sql, { tenant, ...TESTER }, [job.id, 10n ** 15n])).toEqual(may ? [job.id] : []);
    if (!may) return;
    job.state = job.needs.every((id) => isDone(model, id)) ? "ready" : "blocked";
    job.workersLost = 0;
    job.maxAttempts = job.attempt + 5;
  });

/** Additive increase, multiplicative decrease. */
function adapt(model: Model, isThrottled: boolean, isSuccess: boolean): void {
  if (isThrottled) {
    if (!model.isWaiting) model.rate = Math.max(model.rate / 2, MAX_RATE / 64);
    model.isWaiting = true;
  } else if (isSuccess && !model.isWaiting) {
    model.rate = Math.min(MAX_RATE, model.rate + MAX_RATE / 200);
  }
}
