import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { openTestDatabase, serverTestEngine, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { type ClaimRequest, makeClaim } from "./claim.ts";
import { newJob, testLedger } from "./jobs.testing.ts";
import { reportJobs } from "./report.ts";
import { type NewJob, submitJob } from "./submit.ts";

const success = (lease: { jobId: bigint; leaseToken: bigint }) =>
  ({ ...lease, outcome: "succeeded", retrySeconds: 0, throttle: null, reason: null, message: null }) as const;

describe.each(enginesOf(testEngines))("claims on $name", (engine) => {
  const ledger = testLedger(engine);

  const submit = (given: Partial<NewJob> = {}) =>
    inTransaction(ledger.database.sql, READ_COMMITTED, (sql) => submitJob(sql, ledger.tenant, newJob(given)));
  const request = (given: Partial<ClaimRequest> = {}): ClaimRequest => ({
    tenant: ledger.tenant,
    kinds: ["test"],
    worker: "w",
    maxJobs: 10,
    leaseSeconds: 60,
    ...given,
  });
  const claim = (given: Partial<ClaimRequest> = {}) => makeClaim(() => 0)(ledger.database.sql, request(given));
  const setThrottle = (host: string, rate: number, burst: number) => ledger.database.sql`
    INSERT INTO control.throttles (tenant, host, max_rate, rate, burst, tokens)
    VALUES (${ledger.tenant}, ${host}, ${rate}, ${rate}, ${burst}, ${burst})`;

  it("give the most urgent job first, and of equal ones the one that was ready first", async () => {
    const late = await submit({ priority: 9 });
    const first = await submit({ priority: 0 });
    const second = await submit({ priority: 0 });
    const leases = [await claim({ maxJobs: 1 }), await claim({ maxJobs: 1 }), await claim()].flat();
    expect(leases.map(({ jobId }) => jobId)).toEqual([first.jobId, second.jobId, late.jobId]);
  });

  it("let no urgent jobs keep one waiting for more than a minute for each class between them", async () => {
    const { jobId } = await submit({ priority: 3 });
    await ledger.database.sql`
      UPDATE control.jobs SET run_at = clock_timestamp() - interval '241 seconds' WHERE tenant = ${ledger.tenant}`;
    await submit({ priority: 0 });
    expect((await claim({ maxJobs: 1 }))[0]?.jobId).toBe(jobId);
  });

  it("give only kinds that were asked for, and nothing of another tenant", async () => {
    await submit();
    expect(await claim({ kinds: ["other"] })).toEqual([]);
    expect(await claim({ tenant: "default" })).toEqual([]);
    expect(await claim()).toHaveLength(1);
  });

  it("give a job with its payload, attempt and token, and not before its time", async () => {
    const payload = { text: '"\\ü😀', list: [1, null, true] };
    const { jobId } = await submit({ payload, traceparent: "00-1-2-01" });
    await submit({ runAt: 4_000_000_000_000_000n });
    const [lease, ...more] = await claim();
    expect(more).toEqual([]);
    expect(lease).toMatchObject({ jobId, payload, attempt: 1, maxAttempts: 5, traceparent: "00-1-2-01" });
    await ledger.database.sql`UPDATE control.jobs SET run_at = clock_timestamp() WHERE tenant = ${ledger.tenant}`;
    expect(await claim()).toHaveLength(1);
  });

  it("take a token of the host for each job, and wait while it has none", async () => {
    await setThrottle("api.example", 0.001, 3);
    for (let i = 0; i < 5; i++) await submit({ host: "api.example" });
    await submit({ host: "other.example" });
    expect((await claim()).map(({ host }) => host).sort()).toEqual([...Array(3).fill("api.example"), "other.example"]);
    expect(await claim()).toEqual([]);
    await ledger.database.sql`UPDATE control.throttles SET counted_at = counted_at - interval '1000 seconds'`;
    expect(await claim()).toHaveLength(1);
  });

  it("of several workers at once spend no token of a host twice", async () => {
    const [rate, burst] = [0.001, 20];
    await setThrottle("api.example", rate, burst);
    for (let i = 0; i < 40; i++) await submit({ host: "api.example" });
    const leases = await Promise.all(Array.from({ length: 12 }, (_, i) => claim({ maxJobs: 5, worker: `w${i}` })));
    const more = [await claim({ maxJobs: 40 }), await claim({ maxJobs: 40 })];
    expect([...leases, ...more].flat()).toHaveLength(burst);
    const [throttle] = await ledger.database.sql<{ tokens: number }[]>`
      SELECT tokens FROM control.throttles WHERE tenant = ${ledger.tenant}`;
    expect(throttle?.tokens).toBeGreaterThanOrEqual(0);
    expect(throttle?.tokens).toBeLessThan(1);
  });

  it("count tokens from now on where the clock was set back", async () => {
    await setThrottle("api.example", 0.001, 3);
    await ledger.database.sql`UPDATE control.throttles SET counted_at = counted_at + interval '1 hour'`;
    await submit({ host: "api.example" });
    expect(await claim()).toHaveLength(1);
  });

  it("give what has become due in the order of its time, not of its submission", async () => {
    const ids: bigint[] = [];
    for (let i = 0; i < 5; i++) ids.push((await submit({ runAt: 4_000_000_000_000_000n })).jobId);
    for (const [index, jobId] of ids.entries()) {
      await ledger.database.sql`
        UPDATE control.jobs SET run_at = clock_timestamp() - ${index + 1} * interval '1 second'
        WHERE job_id = ${String(jobId)}`;
    }
    expect((await claim()).map(({ jobId }) => jobId)).toEqual(ids.reverse());
  });

  it("count a lease that has ended until its job is rescued, since its worker may still extend it", async () => {
    await ledger.database.sql`
      INSERT INTO control.sources (tenant, source, max_concurrent) VALUES (${ledger.tenant}, 'kraken', 1)`;
    await submit({ source: "kraken" });
    await submit({ source: "kraken" });
    expect(await claim()).toHaveLength(1);
    await ledger.database.sql`
      UPDATE control.jobs SET leased_until = now() - interval '1 second' WHERE tenant = ${ledger.tenant} AND state = 'leased'`;
    expect(await claim()).toEqual([]);
  });

  it("start nothing at a host before the time that it named", async () => {
    await setThrottle("api.example", 10, 10);
    await ledger.database.sql`UPDATE control.throttles SET not_before = clock_timestamp() + interval '1 hour'`;
    await submit({ host: "api.example" });
    expect(await claim()).toEqual([]);
    await ledger.database.sql`UPDATE control.throttles SET not_before = clock_timestamp()`;
    expect(await claim()).toHaveLength(1);
  });

  it("keep a tenant's quota at once and in a day", async () => {
    await ledger.database
      .sql`UPDATE control.tenants SET max_concurrent = 2, max_per_day = 3 WHERE tenant = ${ledger.tenant}`;
    for (let i = 0; i < 5; i++) await submit();
    const leases = await claim();
    expect(leases).toHaveLength(2);
    expect(await claim()).toEqual([]);
    await reportJobs(ledger.database.sql, ledger.tenant, leases.map(success));
    expect(await claim()).toHaveLength(1);
    await ledger.database.sql`UPDATE control.tenants SET max_concurrent = NULL WHERE tenant = ${ledger.tenant}`;
    expect(await claim()).toEqual([]);
    await ledger.database.sql`UPDATE control.daily_starts SET day = day - 1 WHERE tenant = ${ledger.tenant}`;
    expect(await claim()).toHaveLength(2);
  });

  it("find a job that was committed after later ones were claimed, once lanes are read from their start", async () => {
    let clock = 0;
    const remembering = makeClaim(() => clock);
    const { jobId } = await submit();
    await ledger.database
      .sql`UPDATE control.jobs SET run_at = 'infinity', ready_order = NULL WHERE job_id = ${String(jobId)}`;
    await submit();
    expect(await remembering(ledger.database.sql, request())).toHaveLength(1);
    // As if the first job's transaction had been open until now.
    await ledger.database.sql`
      UPDATE control.jobs SET run_at = clock_timestamp(), ready_order = 1 WHERE job_id = ${String(jobId)}`;
    expect(await remembering(ledger.database.sql, request())).toEqual([]);
    clock = 10_000;
    expect((await remembering(ledger.database.sql, request())).map((lease) => lease.jobId)).toEqual([jobId]);
  });
});

describe.skipIf(serverTestEngine === null)("claims of several workers at once", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    if (serverTestEngine !== null) database = await openTestDatabase(serverTestEngine);
  });
  afterAll(() => database?.drop());

  it("lease each job once, never more of a source than its limit, and lose no job", async () => {
    const limit = 3;
    await database.sql`
      INSERT INTO control.sources (tenant, source, max_concurrent) VALUES ('default', 'kraken', ${limit})`;
    const total = 300;
    for (let i = 0; i < total; i++)
      await submitJob(database.sql, "default", newJob({ source: i % 2 === 0 ? "kraken" : "", priority: i % 3 }));
    const done: bigint[] = [];
    const work = async (worker: string) => {
      const claim = makeClaim(() => 0);
      while (done.length < total) {
        const leases = await claim(database.sql, {
          tenant: "default",
          kinds: ["test"],
          worker,
          maxJobs: 4,
          leaseSeconds: 60,
        });
        const accepted = await reportJobs(database.sql, "default", leases.map(success));
        expect(accepted).toHaveLength(leases.length);
        done.push(...leases.map(({ jobId }) => jobId));
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => work(`w${i}`)));
    expect(new Set(done).size).toBe(total);
    expect(done).toHaveLength(total);
    const [concurrent] = await database.sql<{ most: number }[]>`
      WITH steps AS (
        SELECT entry_id, CASE WHEN to_state = 'leased' THEN 1 WHEN from_state = 'leased' THEN -1 ELSE 0 END AS change
        FROM control.job_history JOIN control.jobs USING (tenant, job_id) JOIN control.lanes USING (lane_id)
        WHERE source = 'kraken'
      )
      SELECT max(total)::int AS most FROM (SELECT sum(change) OVER (ORDER BY entry_id) AS total FROM steps) AS sums`;
    expect(concurrent?.most).toBeLessThanOrEqual(limit);
  });

  it("block no dependant whose need succeeds while it is submitted", async () => {
    for (let round = 0; round < 40; round++) {
      const { jobId } = await submitJob(database.sql, "default", newJob());
      const claim = makeClaim(() => 0);
      const leases = await claim(database.sql, {
        tenant: "default",
        kinds: ["test"],
        worker: "w",
        maxJobs: 1,
        leaseSeconds: 60,
      });
      const [, dependant] = await Promise.all([
        reportJobs(database.sql, "default", leases.map(success)),
        inTransaction(database.sql, READ_COMMITTED, (sql) => submitJob(sql, "default", newJob({ needs: [jobId] }))),
      ]);
      const next = await claim(database.sql, {
        tenant: "default",
        kinds: ["test"],
        worker: "w",
        maxJobs: 5,
        leaseSeconds: 60,
      });
      expect(next.map((lease) => lease.jobId)).toEqual([dependant.jobId]);
      await reportJobs(database.sql, "default", next.map(success));
    }
  });
});
