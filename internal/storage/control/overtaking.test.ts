import { describe, expect, it } from "vitest";
import { parseTime, seconds } from "../../canonical/time.ts";
import { serverTestEngine } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { makeClaim } from "./claim.ts";
import { redriveDeadLetters } from "./dead-letters.ts";
import { cancelJobs } from "./job-actions.ts";
import { newJob, TESTER, testLedger } from "./jobs.testing.ts";
import { type PauseTarget, pause, resume } from "./pauses.ts";
import { readJob } from "./read-jobs.ts";
import { rerunJobs } from "./rerun.ts";
import { createRun } from "./runs.ts";
import { type NewJob, submitJob } from "./submit.ts";
import { setQuota } from "./tenants.ts";

const START = parseTime("2026-01-01T00:00:00Z");

describe.skipIf(serverTestEngine === null)("a transaction that another one overtakes", () => {
  const ledger = testLedger(serverTestEngine as NonNullable<typeof serverTestEngine>);
  const sql = () => ledger.database.sql;
  const actor = () => ({ ...TESTER, tenant: ledger.tenant });
  const submit = (given: Partial<NewJob>) =>
    inTransaction(sql(), READ_COMMITTED, (transaction) => submitJob(transaction, ledger.tenant, newJob(given)));

  /** Resolves once a session waits for a lock of another one. */
  async function someoneWaits(): Promise<void> {
    await expect
      .poll(async () => {
        const [row] = await sql()`
          SELECT count(*)::integer AS waiting FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`;
        return row?.["waiting"];
      })
      .toBeGreaterThan(0);
  }

  /** Does `work`, and starts `other`, which has to wait for it, before `work` is committed. */
  async function overlapped<T>(work: Parameters<typeof inTransaction>[2], other: () => Promise<T>): Promise<T> {
    let waiting: Promise<T> | undefined;
    await inTransaction(sql(), READ_COMMITTED, async (transaction) => {
      await work(transaction);
      waiting = other();
      // Whatever comes of it is looked at below.
      waiting.catch(() => {});
      await someoneWaits();
    });
    return waiting as Promise<T>;
  }

  /** Counts the jobs of the tenant that are in line, and those that are held. */
  async function places() {
    const [row] = await sql()`
      SELECT count(*) FILTER (WHERE ready_order IS NOT NULL)::integer AS "inLine",
        count(*) FILTER (WHERE is_held)::integer AS held
      FROM control.jobs WHERE tenant = ${ledger.tenant}`;
    return row;
  }

  it("leaves a job whose idempotency key is taken meanwhile as it is, and redrives the others", async () => {
    const taken = await submit({ idempotencyKey: "taken" });
    const free = await submit({ idempotencyKey: "free" });
    await sql()`
      UPDATE control.jobs SET state = 'dead', ended_at = now(), ready_order = NULL WHERE tenant = ${ledger.tenant}`;
    await sql()`
      INSERT INTO control.dead_letters (tenant, job_id, reason)
      SELECT tenant, job_id, 'timeout' FROM control.jobs WHERE tenant = ${ledger.tenant}`;
    const filter = { kind: "test", host: null, reason: null };
    const redriven = await overlapped(
      (transaction) => submitJob(transaction, ledger.tenant, newJob({ idempotencyKey: "taken" })),
      () => redriveDeadLetters(sql(), actor(), { filter, perMinute: 60, isDryRun: false }),
    );
    expect(redriven).toEqual({ matching: 2, redriven: 1 });
    expect(await readJob(sql(), ledger.tenant, taken.jobId)).toMatchObject({ state: "dead" });
    expect(await readJob(sql(), ledger.tenant, free.jobId)).toMatchObject({ state: "ready" });
  });

  it("has its jobs held by a pause of the feed that is set before it commits", async () => {
    const window = { from: START, to: START + seconds(60) };
    const target: PauseTarget = { scope: "feed", name: "f" };
    await overlapped(
      (transaction) =>
        createRun(transaction, ledger.tenant, {
          ...{ kind: "test", feed: "f", source: "", host: "", payload: {}, ...window, chunkSeconds: 60 },
          ...{ windows: [window], mergeKind: null, actor: "a", reason: "r" },
        }),
      () => pause(sql(), actor(), target),
    );
    expect(await places()).toEqual({ inLine: 0, held: 1 });
    await resume(sql(), actor(), target);
    expect(await places()).toMatchObject({ held: 0 });
  });

  it("is not waited for by a claim under the quota that it counts under, which gives nothing", async () => {
    await setQuota(sql(), actor(), { maxConcurrent: 1, maxPerDay: null });
    await submit({});
    await submit({});
    const request = { tenant: ledger.tenant, kinds: ["test"], worker: "w", maxJobs: 2, leaseSeconds: 60 };
    const claim = makeClaim(() => 0);
    await inTransaction(sql(), READ_COMMITTED, async (first) => {
      expect(await claim(first, request)).toHaveLength(1);
      const second = await inTransaction(sql(), READ_COMMITTED, async (transaction) => {
        await transaction`SET LOCAL lock_timeout = '1s'`;
        return claim(transaction, request);
      });
      expect(second).toEqual([]);
    });
    await setQuota(sql(), actor(), { maxConcurrent: 2, maxPerDay: null });
    expect(await claim(sql(), request)).toHaveLength(1);
  });

  it.each<PauseTarget>([
    { scope: "feed", name: "f" },
    { scope: "run", name: "7" },
  ])("has jobs that run again held by a pause of the $scope", async (target) => {
    const { jobId } = await submit({ feed: "f", runId: 7n });
    await cancelJobs(sql(), actor(), [jobId]);
    const how = { states: ["cancelled"], spacingSeconds: 0 };
    await overlapped(
      (transaction) => rerunJobs(transaction, actor(), [jobId], how),
      () => pause(sql(), actor(), target),
    );
    expect(await places()).toEqual({ inLine: 0, held: 1 });
  });
});
