import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { parseTime, seconds } from "../../canonical/time.ts";
import { testEngines } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { makeClaim } from "./claim.ts";
import { type Interval, listCoverage } from "./coverage.ts";
import { declareFeed } from "./feeds.ts";
import { testLedger } from "./jobs.testing.ts";
import { measureKind } from "./measure.ts";
import { listRuns, listWindows, readRun } from "./read-runs.ts";
import { type Report, reportJobs } from "./report.ts";
import { createRun, type NewRun } from "./runs.ts";

const START = parseTime("2026-01-01T00:00:00Z");
const CHUNK = 60;
const windowAt = (index: number): Interval => ({
  from: START + seconds(CHUNK * index),
  to: START + seconds(CHUNK * (index + 1)),
});

describe.each(enginesOf(testEngines))("runs on $name", (engine) => {
  const ledger = testLedger(engine);

  const create = (windows: number, given: Partial<NewRun> = {}) =>
    inTransaction(ledger.database.sql, READ_COMMITTED, (sql) =>
      createRun(sql, ledger.tenant, {
        kind: "window",
        feed: null,
        source: "",
        host: "",
        payload: { pair: "XLM/USD" },
        chunkSeconds: CHUNK,
        ...{ from: START, to: windowAt(windows).from },
        windows: Array.from({ length: windows }, (_, index) => windowAt(index)),
        mergeKind: null,
        actor: "test",
        reason: "a test",
        ...given,
      }),
    );
  const claim = (maxJobs: number, kinds = ["window"]) =>
    makeClaim(() => 0)(ledger.database.sql, {
      tenant: ledger.tenant,
      kinds,
      worker: "w",
      maxJobs,
      leaseSeconds: 60,
    });
  const report = (jobs: Awaited<ReturnType<typeof claim>>, outcome: Report["outcome"]) =>
    reportJobs(
      ledger.database.sql,
      ledger.tenant,
      jobs.map(({ jobId, leaseToken }) => ({
        jobId,
        leaseToken,
        outcome,
        retrySeconds: 0,
        reason: null,
        message: null,
        throttle: null,
      })),
    );

  it("have a job for each window, in order of time, behind live work", async () => {
    const { runId, jobs, newJobs } = await create(2500);
    expect([jobs.length, newJobs]).toEqual([2500, 2500]);
    const windows = await listWindows(ledger.database.sql, ledger.tenant, runId, {
      after: windowAt(1998).from,
      limit: 2,
    });
    expect(windows).toEqual([1999, 2000].map((index) => ({ ...windowAt(index), jobId: jobs[index], state: "ready" })));
    const [first] = await claim(1);
    expect(first).toMatchObject({
      jobId: jobs[0],
      payload: { pair: "XLM/USD", from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:01:00Z" },
      runId,
    });
    const [row] = await ledger.database.sql<{ priority: number }[]>`
      SELECT DISTINCT priority FROM control.jobs JOIN control.lanes USING (lane_id) WHERE jobs.tenant = ${ledger.tenant}`;
    expect(row?.priority).toBe(7);
    expect(await readRun(ledger.database.sql, ledger.tenant, runId)).toMatchObject({
      state: "running",
      counts: { ready: 2499, leased: 1 },
    });
    expect(await readRun(ledger.database.sql, "default", runId)).toBeNull();
  });

  it("share the jobs of windows that another run has not ended, and make new ones for the others", async () => {
    const first = await create(4);
    const [done] = await claim(1);
    await report(done === undefined ? [] : [done], "succeeded");
    const again = await create(5);
    expect(again.newJobs).toBe(2);
    expect(again.jobs.slice(1, 4)).toEqual(first.jobs.slice(1));
    expect(again.jobs[0]).not.toBe(first.jobs[0]);
    // Another payload is other work.
    expect((await create(4, { payload: { pair: "BTC/USD" } })).newJobs).toBe(4);
    const several = await Promise.all([1, 2, 3].map(() => create(50, { payload: { pair: "ETH/USD" } })));
    expect(several.reduce((sum, { newJobs }) => sum + newJobs, 0)).toBe(50);
    expect(new Set(several.flatMap(({ jobs }) => jobs)).size).toBe(50);
  });

  it("add the windows that succeeded to what the feed covers", async () => {
    const feed = "kraken:XLM-USD";
    const { sql } = ledger.database;
    const declared = { feed, source: "", host: "", kind: "window", payload: {}, startAt: START, chunkSeconds: CHUNK };
    await declareFeed(sql, ledger.tenant, declared);
    const { runId } = await create(6, { feed });
    const leased = await claim(6);
    await report(leased.slice(0, 2), "succeeded");
    await report(leased.slice(2, 3), "failed");
    await report(leased.slice(3, 5), "succeeded");
    await report(leased.slice(5), "retry");
    // One whose lease is lost covers nothing.
    await report(leased.slice(5), "succeeded");
    const span = (from: number, to: number) => ({ from: windowAt(from).from, to: windowAt(to).from });
    expect(await listCoverage(sql, ledger.tenant, feed, { after: null, limit: 9 })).toEqual([span(0, 2), span(3, 5)]);
    await report(await claim(1), "succeeded");
    expect(await listCoverage(sql, ledger.tenant, feed, { after: null, limit: 9 })).toEqual([span(0, 2), span(3, 6)]);
    expect((await readRun(sql, ledger.tenant, runId))?.state).toBe("failed");
    expect(await listRuns(sql, ledger.tenant, { feed, before: null, limit: 5 })).toMatchObject([{ runId, feed }]);
    expect(await listRuns(sql, ledger.tenant, { feed, before: runId, limit: 5 })).toEqual([]);
  });

  it("merge what their windows gave once all have succeeded", async () => {
    const { runId, mergeJob } = await create(3, { mergeKind: "merge" });
    expect(await claim(1, ["merge"])).toEqual([]);
    await report(await claim(3), "succeeded");
    const [merge] = await claim(1, ["merge"]);
    expect(merge).toMatchObject({ jobId: mergeJob, payload: { pair: "XLM/USD", run: String(runId) } });
    const { sql } = ledger.database;
    expect((await readRun(sql, ledger.tenant, runId))?.state).toBe("running");
    await report(merge === undefined ? [] : [merge], "succeeded");
    expect(await readRun(sql, ledger.tenant, runId)).toMatchObject({ state: "succeeded", counts: { succeeded: 4 } });
    expect(await measureKind(sql, ledger.tenant, "window")).toMatchObject({ jobs: 3 });
    expect(await measureKind(sql, ledger.tenant, "other")).toBeNull();
  });
});
