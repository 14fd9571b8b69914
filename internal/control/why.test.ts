import { describe, expect, it } from "vitest";
import { enginesOf } from "../../test/thoroughness.ts";
import { testEngines } from "../storage/connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../storage/connection/transaction.ts";
import { makeClaim } from "../storage/control/claim.ts";
import { cancelJobs } from "../storage/control/job-actions.ts";
import { readJobFacts } from "../storage/control/job-facts.ts";
import { newJob, TESTER, testLedger } from "../storage/control/jobs.testing.ts";
import { type PauseTarget, pause, resume } from "../storage/control/pauses.ts";
import { reportJobs } from "../storage/control/report.ts";
import { type NewJob, submitJob } from "../storage/control/submit.ts";
import { obstaclesOf } from "./why.ts";

describe.each(enginesOf(testEngines))("the obstacles of a job on $name", (engine) => {
  const ledger = testLedger(engine);

  const submit = async (given: Partial<NewJob> = {}) => {
    const job = newJob({ source: "kraken", host: "api.example", feed: "kraken/XLM-EUR", runId: 7n, ...given });
    return (await inTransaction(ledger.database.sql, READ_COMMITTED, (sql) => submitJob(sql, ledger.tenant, job)))
      .jobId;
  };
  const claim = (maxJobs = 10) =>
    makeClaim(() => 0)(ledger.database.sql, {
      tenant: ledger.tenant,
      kinds: ["test"],
      worker: "w",
      maxJobs,
      leaseSeconds: 60,
    });
  const obstacles = async (jobId: bigint) => {
    const facts = await readJobFacts(ledger.database.sql, ledger.tenant, jobId);
    if (facts === null) throw new Error("there is no such job");
    return { facts, found: obstaclesOf(facts) };
  };
  const codes = async (jobId: bigint) => (await obstacles(jobId)).found.map(({ code }) => code);

  const paused = (target: PauseTarget) => {
    const actor = () => ({ ...TESTER, tenant: ledger.tenant });
    return {
      set: () => pause(ledger.database.sql, actor(), target),
      lift: () => resume(ledger.database.sql, actor(), target),
    };
  };

  /** Each sets up one condition, and removes it. */
  const conditions: Record<string, { set: () => Promise<unknown>; lift: () => Promise<unknown> }> = {
    not_due: {
      set: () =>
        ledger.database.sql`
          UPDATE control.jobs SET run_at = clock_timestamp() + interval '1 hour', ready_order = NULL
          WHERE tenant = ${ledger.tenant}`,
      lift: () =>
        ledger.database.sql`UPDATE control.jobs SET run_at = clock_timestamp() WHERE tenant = ${ledger.tenant}`,
    },
    tenant_paused: paused({ scope: "tenant", name: "" }),
    source_paused: paused({ scope: "source", name: "kraken" }),
    feed_paused: paused({ scope: "feed", name: "kraken/XLM-EUR" }),
    run_paused: paused({ scope: "run", name: "7" }),
    blackout: {
      set: () =>
        ledger.database.sql`
          INSERT INTO control.blackouts (tenant, source, starts_at, ends_at, reason, actor)
          SELECT ${ledger.tenant}, 'kraken', now(), now() + interval '1 hour', 'maintenance', 'tester'`,
      lift: () => ledger.database.sql`UPDATE control.blackouts SET ends_at = now() WHERE tenant = ${ledger.tenant}`,
    },
    tenant_limit: {
      set: () => ledger.database.sql`UPDATE control.tenants SET max_concurrent = 0 WHERE tenant = ${ledger.tenant}`,
      lift: () => ledger.database.sql`UPDATE control.tenants SET max_concurrent = 1 WHERE tenant = ${ledger.tenant}`,
    },
    source_limit: {
      set: () =>
        ledger.database
          .sql`INSERT INTO control.sources (tenant, source, max_concurrent) VALUES (${ledger.tenant}, 'kraken', 0)`,
      lift: () => ledger.database.sql`UPDATE control.sources SET max_concurrent = 1 WHERE tenant = ${ledger.tenant}`,
    },
    daily_quota: {
      set: () => ledger.database.sql`UPDATE control.tenants SET max_per_day = 0 WHERE tenant = ${ledger.tenant}`,
      lift: () => ledger.database.sql`UPDATE control.tenants SET max_per_day = 1 WHERE tenant = ${ledger.tenant}`,
    },
    host_throttled: {
      set: () =>
        ledger.database.sql`
          INSERT INTO control.throttles (tenant, host, max_rate, rate, burst, tokens)
          VALUES (${ledger.tenant}, 'api.example', 0.001, 0.001, 1, 0)`,
      lift: () => ledger.database.sql`UPDATE control.throttles SET tokens = 1 WHERE tenant = ${ledger.tenant}`,
    },
    host_not_before: {
      set: () =>
        ledger.database.sql`
          INSERT INTO control.throttles (tenant, host, max_rate, rate, burst, tokens, not_before)
          VALUES (${ledger.tenant}, 'api.example', 1, 1, 1, 1, clock_timestamp() + interval '1 hour')`,
      lift: () =>
        ledger.database.sql`UPDATE control.throttles SET not_before = '-infinity' WHERE tenant = ${ledger.tenant}`,
    },
  };

  it.each(Object.entries(conditions))(
    "name %s while it keeps the job from being leased",
    async (code, { set, lift }) => {
      const jobId = await submit();
      expect(await codes(jobId)).toEqual([]);
      await set();
      expect(await codes(jobId)).toEqual([code]);
      expect(await claim()).toEqual([]);
      await lift();
      expect(await codes(jobId)).toEqual([]);
      expect(await claim()).toHaveLength(1);
    },
  );

  it("name each needed job that has not succeeded, also one that never will", async () => {
    const needs = [await submit(), await submit()];
    const jobId = await submit({ needs });
    const [lease] = await claim(1);
    expect((await obstacles(jobId)).found.map(({ text }) => text)).toEqual([
      `it needs job ${needs[0]}, which is leased`,
      `it needs job ${needs[1]}, which is ready`,
    ]);
    if (lease === undefined) throw new Error("nothing was leased");
    const success = { outcome: "succeeded", retrySeconds: 0, throttle: null, reason: null, message: null } as const;
    await reportJobs(ledger.database.sql, ledger.tenant, [{ ...lease, ...success }]);
    await cancelJobs(
      ledger.database.sql,
      { tenant: ledger.tenant, name: "tester", reason: "a test", ticket: null },
      needs,
    );
    expect((await obstacles(jobId)).found.map(({ text }) => text)).toEqual([
      `it needs job ${needs[1]}, which is cancelled`,
    ]);
  });

  it("say when they end by themselves", async () => {
    const jobId = await submit();
    await conditions["host_throttled"]?.set();
    await conditions["daily_quota"]?.set();
    const { facts, found } = await obstacles(jobId);
    const [quota, throttle] = found;
    expect(Number((quota?.until ?? 0n) % 86_400_000_000n)).toBe(0);
    expect(quota?.until).toBeGreaterThan(facts.now);
    // One token at 0.001 a second, less what has come since.
    expect(Number((throttle?.until ?? 0n) - facts.now) / 1e6).toBeLessThanOrEqual(1000);
    expect(Number((throttle?.until ?? 0n) - facts.now) / 1e6).toBeGreaterThan(900);
  });

  it("are its lease, its end, or the jobs before it", async () => {
    const [first, second] = [await submit(), await submit()];
    expect(await codes(second)).toEqual(["in_line"]);
    await claim(1);
    const { facts, found } = await obstacles(first);
    expect(found).toEqual([{ code: "leased", text: "it is leased to worker w", until: facts.leasedUntil }]);
    await cancelJobs(ledger.database.sql, { tenant: ledger.tenant, name: "tester", reason: "a test", ticket: null }, [
      first,
    ]);
    expect((await obstacles(first)).found).toEqual([{ code: "ended", text: "it has ended: cancelled", until: null }]);
    expect(await codes(second)).toEqual([]);
  });
});
