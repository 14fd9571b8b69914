import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { testEngines } from "../connection/database.testing.ts";
import { type LeasedJob, makeClaim } from "./claim.ts";
import { newJob, TESTER, testLedger } from "./jobs.testing.ts";
import { type Report, reportJobs } from "./report.ts";
import { submitJob } from "./submit.ts";
import { listThrottles, removeThrottle, setThrottle, type ThrottleSettings } from "./throttles.ts";
import { grantTokens } from "./tokens.ts";

const HOST = "api.example";

describe.each(enginesOf(testEngines))("throttles on $name", (engine) => {
  const ledger = testLedger(engine);
  const actor = () => ({ ...TESTER, tenant: ledger.tenant });
  const set = (settings: ThrottleSettings) => setThrottle(ledger.database.sql, actor(), HOST, settings);
  const throttle = async () => {
    const [found] = await listThrottles(ledger.database.sql, ledger.tenant, { after: "", limit: 1 });
    return found;
  };
  const rate = async () => (await throttle())?.bucket?.rate;
  const claim = (maxJobs: number) =>
    makeClaim(() => 0)(ledger.database.sql, {
      tenant: ledger.tenant,
      kinds: ["test"],
      worker: "w",
      maxJobs,
      leaseSeconds: 60,
    });
  const lease = async (jobs = 1): Promise<LeasedJob[]> => {
    for (let i = 0; i < jobs; i++) await submitJob(ledger.database.sql, ledger.tenant, newJob({ host: HOST }));
    const leases = await claim(jobs);
    expect(leases).toHaveLength(jobs);
    return leases;
  };
  const report = (leases: readonly LeasedJob[], given: Partial<Report> = {}) => {
    const parts = {
      outcome: "succeeded",
      retrySeconds: 0,
      throttle: null,
      reason: null,
      message: null,
      ...given,
    } as const;
    return reportJobs(
      ledger.database.sql,
      ledger.tenant,
      leases.map((each) => ({ ...each, ...parts })),
    );
  };
  const endWait = () =>
    ledger.database.sql`UPDATE control.throttles SET not_before = '-infinity' WHERE tenant = ${ledger.tenant}`;
  const secondsUntil = async (time: bigint | null | undefined) => {
    const [row] = await ledger.database.sql<{ seconds: number }[]>`
      SELECT (${String(time)}::numeric / 1000000 - extract(epoch FROM clock_timestamp()))::float8 AS seconds`;
    return row?.seconds;
  };

  it("halve a host's rate once for each report that it is too fast, however many jobs say so", async () => {
    await set({ maxRate: 100, burst: 100 });
    await report(await lease(3), { outcome: "retry", throttle: { retryAfterSeconds: null } });
    expect(await rate()).toBe(50);
    expect(await secondsUntil((await throttle())?.notBefore)).toBeLessThanOrEqual(5);
    expect(await claim(10)).toEqual([]);
    await endWait();
    for (let i = 0; i < 10; i++) {
      await report(await lease(), { throttle: { retryAfterSeconds: 0 } });
      await endWait();
    }
    expect(await rate()).toBe(100 / 64);
  });

  it("halve it no more for what was sent before it began to wait, but may wait longer", async () => {
    await set({ maxRate: 100, burst: 10 });
    const [first, second, third] = await lease(3);
    const late = { outcome: "retry", throttle: { retryAfterSeconds: 3600 } } as const;
    await report([first as LeasedJob], late);
    await report([second as LeasedJob], { ...late, throttle: { retryAfterSeconds: 7200 } });
    await report([third as LeasedJob], { ...late, throttle: { retryAfterSeconds: 60 } });
    expect(await rate()).toBe(50);
    expect(await secondsUntil((await throttle())?.notBefore)).toBeGreaterThan(7100);
  });

  it("raise it step by step with each success, up to what the host bears, and not while it waits", async () => {
    await set({ maxRate: 100, burst: 10 });
    const leases = await lease(4);
    await report(leases.splice(0, 1), { outcome: "retry", throttle: { retryAfterSeconds: 3600 } });
    await report(leases.splice(0, 1));
    expect(await rate()).toBe(50);
    await endWait();
    await report(leases.splice(0, 2));
    expect(await rate()).toBe(51);
    await ledger.database.sql`UPDATE control.throttles SET rate = 99.9 WHERE tenant = ${ledger.tenant}`;
    await report(await lease());
    expect(await rate()).toBe(100);
  });

  it("let the host say when its job is tried again, whatever the worker says", async () => {
    const leases = await lease();
    await report(leases, { outcome: "retry", retrySeconds: 1, throttle: { retryAfterSeconds: 3600 } });
    const [job] = await ledger.database.sql<{ waits: boolean }[]>`
      SELECT run_at > clock_timestamp() + interval '3590 seconds' AS waits FROM control.jobs
      WHERE tenant = ${ledger.tenant}`;
    expect(job).toEqual({ waits: true });
  });

  it("make a host wait whose rate nobody has set, and no longer than a day", async () => {
    const leases = await lease(2);
    await report(leases.splice(0, 1), { throttle: { retryAfterSeconds: 1e12 } });
    expect(await throttle()).toEqual({ host: HOST, bucket: null, notBefore: expect.any(BigInt) });
    expect(await secondsUntil((await throttle())?.notBefore)).toBeLessThanOrEqual(86_400);
    expect(await grantTokens(ledger.database.sql, ledger.tenant, { ...(leases[0] as LeasedJob), tokens: 1 })).toEqual({
      granted: 0,
      waitSeconds: expect.any(Number),
    });
    await endWait();
    await lease(20);
    expect(await removeThrottle(ledger.database.sql, actor(), HOST)).toBe(true);
    expect(await removeThrottle(ledger.database.sql, actor(), HOST)).toBe(false);
  });

  it("are not adapted by a report of a lost lease", async () => {
    await set({ maxRate: 100, burst: 10 });
    const [lost] = (await lease()) as [LeasedJob];
    const old = { ...lost, leaseToken: lost.leaseToken - 1n };
    expect(await report([old], { throttle: { retryAfterSeconds: 60 } })).toEqual([]);
    expect(await throttle()).toMatchObject({ bucket: { rate: 100 }, notBefore: null });
  });

  it("give tokens to a running worker, and say how long the rest takes", async () => {
    await set({ maxRate: 0.01, burst: 5 });
    const [job] = (await lease()) as [LeasedJob];
    const ask = (tokens: number, given: Partial<LeasedJob> = {}, tenant = ledger.tenant) =>
      grantTokens(ledger.database.sql, tenant, { ...job, ...given, tokens });
    expect(await ask(3)).toEqual({ granted: 3, waitSeconds: 0 });
    const rest = await ask(3);
    expect(rest?.granted).toBe(1);
    expect(rest?.waitSeconds).toBeGreaterThan(150);
    expect(rest?.waitSeconds).toBeLessThanOrEqual(200);
    // More than the burst never comes together.
    expect((await ask(100))?.waitSeconds).toBeLessThanOrEqual(500);
    expect(await ask(1, { leaseToken: job.leaseToken - 1n })).toBe(null);
    expect(await ask(1, {}, "default")).toBe(null);
    await ledger.database.sql`UPDATE control.jobs SET leased_until = now() WHERE tenant = ${ledger.tenant}`;
    expect(await ask(1)).toBe(null);
  });

  it("spend no token twice, whoever asks at the same time", async () => {
    await set({ maxRate: 0.001, burst: 50 });
    const leases = await lease(8);
    for (let i = 0; i < 30; i++) await submitJob(ledger.database.sql, ledger.tenant, newJob({ host: HOST }));
    const asked = [...leases, ...leases].map((job) =>
      grantTokens(ledger.database.sql, ledger.tenant, { ...job, tokens: 3 }).then((tokens) => tokens?.granted ?? 0),
    );
    const claimed = Array.from({ length: 6 }, () => claim(4).then((jobs) => jobs.length));
    const spent = (await Promise.all([...asked, ...claimed])).reduce((sum, each) => sum + each, 0);
    const [lease0] = leases as [LeasedJob];
    const left = await grantTokens(ledger.database.sql, ledger.tenant, { ...lease0, tokens: 100 });
    expect(spent + (left?.granted ?? 0)).toBe(50 - leases.length);
  });

  it("keep spent tokens spent when their settings change", async () => {
    await set({ maxRate: 0.001, burst: 5 });
    await lease(4);
    await set({ maxRate: 0.002, burst: 10 });
    const bucket = (await throttle())?.bucket;
    expect(bucket).toMatchObject({ maxRate: 0.002, rate: 0.002, burst: 10 });
    expect(bucket?.tokens).toBeLessThan(2);
  });
});
