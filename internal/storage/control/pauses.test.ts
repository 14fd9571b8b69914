import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { testEngines } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { type LeasedJob, makeClaim } from "./claim.ts";
import { newJob, TESTER, testLedger } from "./jobs.testing.ts";
import { type PauseTarget, pause, resume } from "./pauses.ts";
import { reportJobs } from "./report.ts";
import { type NewJob, submitJob } from "./submit.ts";

describe.each(enginesOf(testEngines))("claims, while something is paused, on $name", (engine) => {
  const ledger = testLedger(engine);
  const submit = (given: Partial<NewJob> = {}) =>
    inTransaction(ledger.database.sql, READ_COMMITTED, (sql) => submitJob(sql, ledger.tenant, newJob(given)));
  const claim = () =>
    makeClaim(() => 0)(ledger.database.sql, {
      tenant: ledger.tenant,
      kinds: ["test"],
      worker: "w",
      maxJobs: 10,
      leaseSeconds: 60,
    });

  it("give nothing of what is paused, until it is resumed", async () => {
    const targets: PauseTarget[] = [
      { scope: "tenant", name: "" },
      { scope: "source", name: "kraken" },
      { scope: "feed", name: "kraken/XLM-EUR" },
      { scope: "run", name: "7" },
    ];
    const { sql } = ledger.database;
    const actor = { ...TESTER, tenant: ledger.tenant };
    const target = { source: "kraken", feed: "kraken/XLM-EUR", runId: 7n };
    for (const each of targets) {
      const before = await submit(target);
      const other = await submit({ source: "binance", feed: "other", runId: 8n });
      expect(await pause(sql, actor, each)).toBe(true);
      expect(await pause(sql, actor, each)).toBe(false);
      const after = await submit(target);
      const free = (await claim()).map(({ jobId }) => jobId);
      expect(free).toEqual(each.scope === "tenant" ? [] : [other.jobId]);
      expect(await resume(sql, actor, each)).toBe(true);
      expect(await resume(sql, actor, each)).toBe(false);
      const held = each.scope === "tenant" ? [before, other, after] : [before, after];
      expect((await claim()).map(({ jobId }) => jobId).sort()).toEqual(held.map(({ jobId }) => jobId).sort());
    }
  });

  it("give a held job only once neither its feed nor its run is paused, also one that was leased meanwhile", async () => {
    const { sql } = ledger.database;
    const actor = { ...TESTER, tenant: ledger.tenant };
    const { jobId } = await submit({ feed: "f", runId: 7n });
    const [lease] = await claim();
    await pause(sql, actor, { scope: "feed", name: "f" });
    await pause(sql, actor, { scope: "run", name: "7" });
    const retry = { outcome: "retry", retrySeconds: 0, throttle: null, reason: null, message: null } as const;
    expect(await reportJobs(sql, ledger.tenant, [{ ...(lease as LeasedJob), ...retry }])).toHaveLength(1);
    expect(await claim()).toEqual([]);
    await resume(sql, actor, { scope: "feed", name: "f" });
    expect(await claim()).toEqual([]);
    await resume(sql, actor, { scope: "run", name: "7" });
    expect(await claim()).toMatchObject([{ jobId, feed: "f", runId: 7n, attempt: 2 }]);
  });

  it("are held by a pause that is set again, where a job is in line all the same", async () => {
    const { sql } = ledger.database;
    const actor = { ...TESTER, tenant: ledger.tenant };
    await pause(sql, actor, { scope: "feed", name: "f" });
    const { jobId } = await submit({ feed: "f" });
    const isHeld = async () => {
      const [row] =
        await sql`SELECT is_held FROM control.jobs WHERE tenant = ${ledger.tenant} AND job_id = ${String(jobId)}`;
      return row?.["is_held"];
    };
    await sql`UPDATE control.jobs SET is_held = false WHERE tenant = ${ledger.tenant}`;
    expect(await pause(sql, actor, { scope: "feed", name: "f" })).toBe(false);
    expect(await isHeld()).toBe(true);
  });

  it("give no job of a paused feed that was in line before the pause saw it", async () => {
    const { sql } = ledger.database;
    await submit({ feed: "f" });
    const { jobId } = await submit();
    // As if the job had been committed after the pause.
    await sql`
      INSERT INTO control.pauses (tenant, scope, name, reason, actor) VALUES (${ledger.tenant}, 'feed', 'f', 'x', 'x')`;
    expect((await claim()).map((lease) => lease.jobId)).toEqual([jobId]);
  });
});
