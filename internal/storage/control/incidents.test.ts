import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { seconds } from "../../canonical/time.ts";
import { type TestEngine, testEngines } from "../connection/database.testing.ts";
import { makeClaim } from "./claim.ts";
import { readIncidentFacts } from "./incident-facts.ts";
import { acknowledgeIncident, type Finding, keepIncidents, listIncidents } from "./incidents.ts";
import { newJob, TESTER, testLedger } from "./jobs.testing.ts";
import { reportJobs } from "./report.ts";
import { databaseTime } from "./schedules.ts";
import { submitJob } from "./submit.ts";

function finding(given: Partial<Finding> = {}): Finding {
  return { code: "gap", key: "f", firstJob: null, lastJob: null, count: 1, message: "m", cluster: null, ...given };
}

describe.each(enginesOf(testEngines))("incidents on $name", (engine: TestEngine) => {
  const ledger = testLedger(engine);
  const all = () =>
    listIncidents(ledger.database.sql, ledger.tenant, { isOpen: null, code: null, before: null, limit: 10 });
  const keep = (findings: Finding[], at: bigint) => keepIncidents(ledger.database.sql, ledger.tenant, findings, at);

  it("are opened once by any number of daemons, renewed, and closed when they are over", async () => {
    const { sql } = ledger.database;
    const at = await databaseTime(sql);
    await Promise.all([keep([finding()], at), keep([finding()], at + 1n), keep([finding()], at + 2n)]);
    await keep([finding({ count: 4, lastJob: 9n })], at + 3n);
    expect(await all()).toMatchObject([{ code: "gap", key: "f", count: 4, lastJob: 9n, closedAt: null }]);
    await keep([], at + 4n);
    expect(await all()).toMatchObject([{ closedAt: expect.any(BigInt) }]);
    await keep([finding()], at + 5n);
    expect(await all()).toMatchObject([{ closedAt: null }, { closedAt: expect.any(BigInt) }]);
  });

  it("stay open where a daemon with older facts did not find them", async () => {
    const at = await databaseTime(ledger.database.sql);
    await keep([finding()], at);
    await keep([], at - seconds(5));
    expect(await all()).toMatchObject([{ closedAt: null }]);
  });

  it("are acknowledged once, by their own tenant, with a row in the audit log", async () => {
    const { sql } = ledger.database;
    await keep([finding()], await databaseTime(sql));
    const [{ incidentId } = { incidentId: 0n }] = await all();
    await sql`INSERT INTO control.tenants (tenant) VALUES ('stranger') ON CONFLICT DO NOTHING`;
    const acknowledge = (tenant: string) => acknowledgeIncident(sql, { ...TESTER, tenant }, incidentId);
    expect([await acknowledge("stranger"), await acknowledge(ledger.tenant), await acknowledge(ledger.tenant)]).toEqual(
      [false, true, false],
    );
    expect(await all()).toMatchObject([{ acknowledgedBy: "tester" }]);
    const logged = await sql`SELECT action, reason FROM control.audit_log WHERE tenant = ${ledger.tenant}`;
    expect(logged[0]).toMatchObject({ action: "incidents.acknowledge", reason: TESTER.reason });
  });

  it("are decided by facts of the tenant alone", async () => {
    const { sql } = ledger.database;
    const { tenant } = ledger;
    await submitJob(sql, tenant, newJob({ host: "h", maxAttempts: 1 }));
    await submitJob(sql, tenant, newJob());
    const request = { tenant, kinds: ["test"], worker: "w", maxJobs: 2, leaseSeconds: 60 };
    const [first, second] = await makeClaim(() => 0)(sql, request);
    if (first === undefined || second === undefined) throw new Error("nothing was claimed");
    const base = { retrySeconds: 0, throttle: null, reason: "error", message: "answered 502" };
    const ends = [first, second].map((job) => ({
      ...base,
      ...job,
      outcome: job.maxAttempts === 1 ? ("retry" as const) : ("succeeded" as const),
    }));
    await reportJobs(sql, tenant, ends);
    await sql`
      INSERT INTO control.feeds (tenant, feed, kind, start_at) VALUES (${tenant}, 'f', 'k', '2026-01-01T00:00:00Z')`;
    await sql`
      INSERT INTO control.watermarks (tenant, feed, complete_to) VALUES (${tenant}, 'f', '2026-01-02T00:00:00Z')`;
    await sql`
      INSERT INTO control.schedules (
        tenant, name, kind, payload, every_seconds, time_zone, missed, overlap, jitter_seconds, is_configured, next_at
      ) VALUES (${tenant}, 's', 'k', '{}', 60, 'UTC', 'skip', 'skip', 0, false, now() - interval '1 hour')`;
    await sql`
      INSERT INTO control.throttles (tenant, host, max_rate, rate, burst, tokens) VALUES (${tenant}, 'h', 2, 2, 1, 1)`;
    await sql`UPDATE control.throttles SET rate = 1, not_before = now() + interval '1 hour' WHERE tenant = ${tenant}`;
    await sql`
      INSERT INTO control.artifacts (tenant, job_id, name, sha256, bytes, uri, inputs_key, expected_sha256)
      VALUES (${tenant}, ${String(first.jobId)}::bigint, 'a', repeat('a', 64), 1, 'file:a', 'i', repeat('b', 64))`;
    expect(await readIncidentFacts(sql, tenant)).toMatchObject({
      failures: [{ kind: "test", host: "h", to: "dead", worker: "w", reason: "error", message: "answered 502" }],
      ended: [{ kind: "test", ended: 2, failed: 1, endedLately: 2, failedLately: 1 }],
      deadLetters: [{ kind: "test", count: 1, message: "answered 502" }],
      slowedHosts: [{ host: "h", hits: 1, rate: 1, maxRate: 2 }],
      lateSchedules: [{ name: "s" }],
      gaps: [{ feed: "f", gaps: 1 }],
      mismatches: [{ inputsKey: "i", count: 1 }],
    });
    await sql`INSERT INTO control.tenants (tenant) VALUES ('stranger') ON CONFLICT DO NOTHING`;
    const { now: _, ...others } = await readIncidentFacts(sql, "stranger");
    expect(Object.values(others).flat()).toEqual([]);
  });

  it("a host is slowed down from its first wait until its rate is back", async () => {
    const { sql } = ledger.database;
    const { tenant } = ledger;
    const state = async () =>
      (
        await sql`SELECT hits::integer, slowed_since IS NOT NULL AS slow FROM control.throttles WHERE tenant = ${tenant}`
      )[0];
    await sql`INSERT INTO control.throttles (tenant, host, max_rate, rate, burst, tokens) VALUES (${tenant}, 'h', 8, 8, 1, 1)`;
    expect(await state()).toMatchObject({ hits: 0, slow: false });
    await sql`UPDATE control.throttles SET rate = 4, not_before = now() - interval '1 second' WHERE tenant = ${tenant}`;
    expect(await state()).toMatchObject({ hits: 1, slow: true });
    await sql`UPDATE control.throttles SET rate = 6 WHERE tenant = ${tenant}`;
    expect(await state()).toMatchObject({ hits: 1, slow: true });
    await sql`UPDATE control.throttles SET rate = 8 WHERE tenant = ${tenant}`;
    expect(await state()).toMatchObject({ hits: 1, slow: false });
  });
});
