import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { serverTestEngine, type TestEngine, testEngines } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { makeClaim } from "./claim.ts";
import { cancelJobs, prioritizeJobs, retryJobs } from "./job-actions.ts";
import { newJob, TESTER, testLedger } from "./jobs.testing.ts";
import { closeLanes } from "./rescue.ts";
import { submitJob } from "./submit.ts";

const KINDS = ["a", "b", "c"];

describe.each(enginesOf(testEngines))("lanes on $name", (engine) => {
  const ledger = testLedger(engine);
  const claimOne = (kind = "test") =>
    makeClaim(() => 0)(ledger.database.sql, {
      ...{ tenant: ledger.tenant, kinds: [kind], worker: "w", maxJobs: 1, leaseSeconds: 60 },
    });
  const submit = (kind = "test", priority = 5) =>
    inTransaction(ledger.database.sql, READ_COMMITTED, (sql) =>
      submitJob(sql, ledger.tenant, newJob({ kind, priority })),
    );
  const openLanes = async () => {
    const [row] = await ledger.database.sql<{ count: number }[]>`
      SELECT count(*)::integer AS count FROM control.lanes WHERE tenant = ${ledger.tenant} AND is_open`;
    return row?.count;
  };

  it("are closed once no job of them waits or runs, and opened by submit, retry and another priority", async () => {
    const { sql } = ledger.database;
    const actor = { ...TESTER, tenant: ledger.tenant };
    const { jobId } = await submit();
    await closeLanes(sql, 0);
    expect(await openLanes()).toBe(1);
    await cancelJobs(sql, actor, [jobId]);
    // Not before its time.
    await closeLanes(sql);
    expect(await openLanes()).toBe(1);
    await closeLanes(sql, 0);
    expect(await openLanes()).toBe(0);

    expect(await retryJobs(sql, actor, [jobId])).toEqual([jobId]);
    expect(await claimOne()).toMatchObject([{ jobId }]);
    await closeLanes(sql, 0);
    expect(await openLanes()).toBe(1);

    const urgent = await submit("test", 0);
    await cancelJobs(sql, actor, [jobId, urgent.jobId]);
    await closeLanes(sql, 0);
    expect(await openLanes()).toBe(0);
    const next = await submit();
    await prioritizeJobs(sql, actor, [next.jobId], 0);
    expect(await claimOne()).toMatchObject([{ jobId: next.jobId }]);
  });

  it("keep every job that is submitted while they are closed", async () => {
    const { sql } = ledger.database;
    let isOver = false;
    const closing = (async () => {
      let closed = 0;
      while (!isOver) closed += await closeLanes(sql, 0);
      return closed;
    })();
    // Each in a lane of its own, in which nobody else claims.
    const rounds = KINDS.map(async (kind) => {
      for (let round = 0; round < 25; round++) {
        const { jobId } = await submit(kind);
        expect(await claimOne(kind)).toMatchObject([{ jobId }]);
        await cancelJobs(sql, { ...TESTER, tenant: ledger.tenant }, [jobId]);
      }
    });
    await Promise.all(rounds).finally(() => {
      isOver = true;
    });
    expect(await closing).toBeGreaterThan(0);
  });
});

describe.skipIf(serverTestEngine === null)("a lane that is being closed", () => {
  const ledger = testLedger(serverTestEngine as TestEngine);

  it("is waited for by who submits a job, and left alone while somebody submits one", async () => {
    const { database, tenant } = ledger;
    const { sql } = database;
    const first = await inTransaction(sql, READ_COMMITTED, (each) => submitJob(each, tenant, newJob()));
    await cancelJobs(sql, { ...TESTER, tenant }, [first.jobId]);
    await inTransaction(sql, READ_COMMITTED, async (submitting) => {
      await submitJob(submitting, tenant, newJob());
      expect(await closeLanes(sql, 0)).toBe(0);
    });
    const [job] = await makeClaim(() => 0)(sql, {
      ...{ tenant, kinds: ["test"], worker: "w", maxJobs: 1, leaseSeconds: 60 },
    });
    await cancelJobs(sql, { ...TESTER, tenant }, [job?.jobId ?? 0n]);
    let submitted: ReturnType<typeof submitJob> | undefined;
    await inTransaction(sql, READ_COMMITTED, async (closing) => {
      expect(await closeLanes(closing, 0)).toBe(1);
      submitted = inTransaction(sql, READ_COMMITTED, (each) => submitJob(each, tenant, newJob()));
      const waiting = () =>
        sql`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      await expect.poll(waiting).toHaveLength(1);
    });
    const jobId = (await submitted)?.jobId;
    const claimed = await makeClaim(() => 0)(sql, {
      ...{ tenant, kinds: ["test"], worker: "w", maxJobs: 1, leaseSeconds: 60 },
    });
    expect(claimed).toMatchObject([{ jobId }]);
  });
});
