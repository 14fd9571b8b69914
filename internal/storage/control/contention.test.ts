import { describe, expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { InputError } from "../../canonical/input-error.ts";
import { retryConflicts } from "../connection/conflicts.ts";
import { serverTestEngine } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { type LeasedJob, makeClaim } from "./claim.ts";
import { cancelJobs, prioritizeJobs, retryJobs } from "./job-actions.ts";
import { newJob, TESTER, testLedger } from "./jobs.testing.ts";
import { pause, resume } from "./pauses.ts";
import { reportJobs } from "./report.ts";
import { submitJob } from "./submit.ts";
import { listThrottles, setThrottle } from "./throttles.ts";
import { grantTokens } from "./tokens.ts";

const HOSTS = ["a.example", "b.example", "c.example"];
const BURST = 60;
const ROUNDS = runsOf(16);

describe.skipIf(serverTestEngine === null)("workers and people at once", () => {
  const ledger = testLedger(serverTestEngine as NonNullable<typeof serverTestEngine>);

  it("wait for no one for ever, lose no job, spend no token twice, and leave no job held", async () => {
    const { tenant, database } = ledger;
    const { sql } = database;
    const actor = { ...TESTER, tenant };
    // No token comes back in the time of the test.
    for (const host of HOSTS) await setThrottle(sql, actor, host, { maxRate: 1e-6, burst: BURST });
    const ids: bigint[] = [];
    const submit = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const needs = i % 4 === 0 && ids.length > 0 ? [ids[i % ids.length] as bigint] : [];
        const job = newJob({ host: HOSTS[i % 3] as string, feed: "f", needs, priority: i % 2, maxAttempts: 100 });
        // A need may have been cancelled meanwhile.
        const submitted = await inTransaction(sql, READ_COMMITTED, (transaction) =>
          submitJob(transaction, tenant, job),
        ).catch((error) => {
          if (error instanceof InputError) return null;
          throw error;
        });
        if (submitted !== null) ids.push(submitted.jobId);
      }
    };
    await submit(60);
    let isOver = false;
    let spent = 0;
    const claim = makeClaim(() => 0);
    const request = { tenant, kinds: ["test"], worker: "w", maxJobs: 5, leaseSeconds: 60 };
    const work = async (worker: number) => {
      for (let round = 0; !isOver; round++) {
        const leases = await retryConflicts(() => claim(sql, request));
        spent += leases.length;
        for (const lease of leases.slice(0, 2)) {
          const tokens = await retryConflicts(() => grantTokens(sql, tenant, { ...lease, tokens: 1 }));
          spent += tokens?.granted ?? 0;
        }
        const throttle = (round + worker) % 3 === 0 ? { retryAfterSeconds: 0 } : null;
        const reports = leases.map((lease: LeasedJob, i: number) => ({
          ...lease,
          outcome: i % 2 === 0 ? ("succeeded" as const) : ("retry" as const),
          retrySeconds: 0,
          throttle,
          reason: null,
          message: null,
        }));
        await retryConflicts(() => reportJobs(sql, tenant, reports));
      }
    };
    const steer = async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await pause(sql, actor, { scope: "feed", name: "f" });
        await submit(4);
        await prioritizeJobs(sql, actor, ids, round % 3);
        await resume(sql, actor, { scope: "feed", name: "f" });
        const some = ids.filter((_, i) => i % 7 === round % 7);
        await cancelJobs(sql, actor, some);
        await retryJobs(sql, actor, some);
      }
    };
    const workers = Array.from({ length: 4 }, (_, i) => work(i));
    try {
      await Promise.all([steer(), submit(40)]);
    } finally {
      isOver = true;
    }
    await Promise.all(workers);
    const [row] = await sql<{ jobs: number; held: number; misplaced: number }[]>`
      SELECT count(*)::integer AS jobs, count(*) FILTER (WHERE is_held AND ended_at IS NULL)::integer AS held,
        count(*) FILTER (WHERE (state = 'blocked') <> (pending > 0 AND ended_at IS NULL))::integer AS misplaced
      FROM control.jobs WHERE tenant = ${tenant}`;
    expect(row).toEqual({ jobs: ids.length, held: 0, misplaced: 0 });
    const throttles = await listThrottles(sql, tenant, { after: "", limit: 10 });
    const left = throttles.reduce((sum, { bucket }) => sum + (bucket?.tokens ?? 0), 0);
    expect(Math.round(left)).toBe(HOSTS.length * BURST - spent);
    expect(throttles.every(({ bucket }) => (bucket?.tokens ?? -1) >= 0)).toBe(true);
  });
});
