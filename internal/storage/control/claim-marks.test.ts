import { describe, expect, it } from "vitest";
import { connectBeside, serverTestEngine, type TestEngine } from "../connection/database.testing.ts";
import type { Sql } from "../connection/pool.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { type Claim, makeClaim } from "./claim.ts";
import { testLedger } from "./jobs.testing.ts";
import { reportJobs } from "./report.ts";
import { submitJobs } from "./submit-batch.ts";

const JOBS = 900;
const COMMON = { kind: "test", priority: 5, source: "", host: "", feed: null, runId: null, maxAttempts: 5 };
const SUCCESS = { outcome: "succeeded", retrySeconds: 0, throttle: null, reason: null, message: null } as const;

/** What the claims of a connection read, as the server explains them. */
const EXPLAINED = `
  LOAD 'auto_explain';
  SET auto_explain.log_min_duration = 0;
  SET auto_explain.log_analyze = on;
  SET auto_explain.log_timing = off;
  SET auto_explain.log_buffers = on;
  SET auto_explain.log_level = notice`;

describe.skipIf(serverTestEngine === null)("claims beside a transaction that is open for long", () => {
  const ledger = testLedger(serverTestEngine as TestEngine);

  it.each(["were in line", "became due"])("do not read again the ended jobs that %s", async (how) => {
    const { database, tenant } = ledger;
    const { sql } = database;
    const submit = (count: number, secondsAgo: number) =>
      inTransaction(sql, READ_COMMITTED, async (transaction) => {
        const jobs = Array.from({ length: count }, (_, index) => ({ payload: {}, idempotencyKey: String(index) }));
        await submitJobs(transaction, tenant, COMMON, jobs);
        if (how === "were in line") return;
        await transaction`
          UPDATE control.jobs SET ready_order = NULL, run_at = run_at - ${secondsAgo} * interval '1 second'
          WHERE tenant = ${tenant} AND state = 'ready'`;
      });
    const work = async (on: Sql, claim: Claim, maxJobs: number) => {
      const leases = await claim(on, { tenant, kinds: ["test"], worker: "w", leaseSeconds: 60, maxJobs });
      expect(leases).toHaveLength(maxJobs);
      await reportJobs(
        sql,
        tenant,
        leases.map((lease) => ({ ...lease, ...SUCCESS })),
      );
    };
    const idle = connectBeside(database, { max: 1 });
    const plans: string[] = [];
    const explained = connectBeside(database, { max: 1, onnotice: ({ message }) => plans.push(String(message)) });
    await explained.unsafe(EXPLAINED);
    const pagesRead = async (claim: Claim) => {
      await submit(1, 0);
      plans.length = 0;
      await work(explained, claim, 1);
      const [pages] = plans.filter((plan) => plan.includes("control.claim_jobs")).flatMap(sharedPages);
      if (pages === undefined) throw new Error(`no plan of a claim tells what it read: ${plans.join("\n")}`);
      return pages;
    };
    await inTransaction(idle, "ISOLATION LEVEL REPEATABLE READ", async (open) => {
      await open`SELECT FROM control.tenants`;
      const claim = makeClaim(() => 0);
      await submit(JOBS, 60);
      await work(sql, claim, JOBS);
      const again = await pagesRead(makeClaim(() => 0));
      expect(again).toBeGreaterThan(JOBS / 10);
      expect(await pagesRead(claim)).toBeLessThan(again / 2);
    });
    await explained.end();
    await idle.end();
  });
});

/** The pages that a statement found in memory or read, all functions that it called included. */
function sharedPages(plan: string): number[] {
  const found = /Buffers: shared((?: (?:hit|read|dirtied|written)=\d+)+)/.exec(plan)?.[1];
  if (found === undefined) return [];
  return [[...found.matchAll(/(?:hit|read)=(\d+)/g)].reduce((sum, [, pages]) => sum + Number(pages), 0)];
}
