import { describe, expect, it } from "vitest";
import { testEngines } from "../connection/database.testing.ts";
import { makeClaim } from "../control/claim.ts";
import { cancelJobs } from "../control/job-actions.ts";
import { TESTER, testLedger } from "../control/jobs.testing.ts";
import { pause } from "../control/pauses.ts";
import { type Report, reportJobs } from "../control/report.ts";
import { rescueJobs } from "../control/rescue.ts";
import { noteOf } from "./attempt-note.ts";
import { DELIVER_KIND } from "./deliveries.ts";
import { declare, newDestination, newEvent, record } from "./events.testing.ts";
import { readTraces } from "./trace.ts";

describe.each(testEngines)("the way of an event on $name", (engine) => {
  const ledger = testLedger(engine);
  const claim = async (leaseSeconds = 60) => {
    const request = { tenant: ledger.tenant, kinds: [DELIVER_KIND], worker: "w", maxJobs: 100, leaseSeconds };
    return makeClaim(() => 0)(ledger.database.sql, request);
  };
  const report = (jobs: Awaited<ReturnType<typeof claim>>, given: Partial<Report>) =>
    reportJobs(
      ledger.database.sql,
      ledger.tenant,
      jobs.map(({ jobId, leaseToken }) => ({
        ...{ jobId, leaseToken, outcome: "retry", retrySeconds: 0, throttle: null, reason: null, message: null },
        ...given,
      })),
    );
  const note = (status: number | null, reason: string | null, detail: string | null) =>
    noteOf({ status, reason, detail }, 0.021);
  const traces = (id: string, sender: string | null = null) =>
    readTraces(ledger.database.sql, ledger.tenant, id, sender);
  const delivery = async (id: string) => (await traces(id))[0]?.deliveries[0];

  it("has each attempt, of those that failed, were put off or lost, too", async () => {
    await declare(ledger.database, ledger.tenant, [newDestination({ maxAttempts: 2 })]);
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await record(ledger.database, ledger.tenant, [
      newEvent({ sender: "shop", traceparent, pair: "crypto:XLM/fiat:USD" }),
    ]);
    await record(ledger.database, ledger.tenant, [newEvent({ sender: "shop", body: '{"id":"1","more":1}' })]);
    expect(await delivery("1")).toMatchObject({ state: "pending", attemptsMade: 0, attempts: [] });
    await report(await claim(), {
      outcome: "released",
      reason: "throttled",
      message: note(429, "throttled", "slowly"),
    });
    await report(await claim(), { outcome: "released", reason: "worker_stopped" });
    await claim(0);
    await rescueJobs(ledger.database.sql);
    const leased = await claim();
    expect(await delivery("1")).toMatchObject({ state: "sending", nextTryAt: null });
    await report(leased, { reason: "timeout", message: note(null, "timeout", "no answer within 10 s") });
    const [trace] = await traces("1", "shop");
    expect(trace).toMatchObject({
      ...{
        sender: "shop",
        type: "event.posted",
        pair: "crypto:XLM/fiat:USD",
        traceparent,
        conflicts: 1,
        isArchived: false,
      },
      deliveries: [
        {
          ...{ destination: "board", state: "dead", attemptsMade: 4, nextTryAt: null, pausedReason: null },
          attempts: [
            { attempt: 1, outcome: "throttled", note: { status: 429, latency_ms: 21, detail: "slowly" } },
            { attempt: 2, outcome: "released", note: null, reason: "worker_stopped" },
            { attempt: 3, outcome: "lost", note: null, reason: "worker_lost" },
            { attempt: 4, outcome: "dead", note: { status: null, reason: "timeout", detail: "no answer within 10 s" } },
          ],
        },
      ],
    });
    expect(trace?.receivedAt).toBe(newEvent().receivedAt);
    const times = trace?.deliveries[0]?.attempts.map(({ startedAt }) => startedAt) ?? [];
    expect(times).toEqual(times.toSorted());
    expect(times[0]).toBeGreaterThanOrEqual(trace?.recordedAt ?? 0n);
  });

  it("tells when the next attempt is made: not before the receiver wants it", async () => {
    await declare(ledger.database, ledger.tenant, [newDestination({ pace: { rate: 100, burst: 100 } })]);
    await record(ledger.database, ledger.tenant, [newEvent()]);
    const { sql } = ledger.database;
    await report(await claim(), { retrySeconds: 600, reason: "http_status", message: note(500, "http_status", "no") });
    const [{ run_at } = { run_at: "" }] = await sql<{ run_at: string }[]>`
      SELECT (extract(epoch FROM run_at) * 1000000)::bigint::text AS run_at FROM control.jobs WHERE tenant = ${ledger.tenant}`;
    expect(await delivery("1")).toMatchObject({ state: "pending", nextTryAt: BigInt(run_at) });
    // A destination with a pace has a throttle before it ever asks for a slower one.
    await sql`INSERT INTO control.throttles (tenant, host) VALUES (${ledger.tenant}, 'board')`;
    expect(await delivery("1")).toMatchObject({ state: "pending", nextTryAt: BigInt(run_at) });
    await sql`
      INSERT INTO control.throttles (tenant, host, not_before) VALUES (${ledger.tenant}, 'board', '2100-01-01T00:00:00Z')
      ON CONFLICT (tenant, host) DO UPDATE SET not_before = excluded.not_before`;
    expect(await delivery("1")).toMatchObject({ nextTryAt: 4_102_444_800_000_000n });
  });

  it("tells what keeps a delivery back, and how it ended", async () => {
    await declare(ledger.database, ledger.tenant, [newDestination({ orderKey: "/key" })]);
    const event = (id: string) => newEvent({ id, body: JSON.stringify({ id, key: "k" }) });
    await record(ledger.database, ledger.tenant, [event("1"), event("2"), event("3")]);
    const states = async () =>
      Promise.all(["1", "2", "3"].map(async (id) => [(await delivery(id))?.state, (await delivery(id))?.pausedReason]));
    expect(await states()).toEqual([
      ["pending", null],
      ["waiting", null],
      ["waiting", null],
    ]);
    const actor = { tenant: ledger.tenant, ...TESTER };
    const first = await claim();
    await pause(ledger.database.sql, { ...actor, reason: "maintenance" }, { scope: "source", name: "board" });
    expect(await states()).toEqual([
      ["sending", null],
      ["paused", "maintenance"],
      ["paused", "maintenance"],
    ]);
    await report(first, { outcome: "succeeded", message: note(200, null, null) });
    await cancelJobs(ledger.database.sql, actor, [(await delivery("3"))?.jobId ?? 0n]);
    expect(await states()).toEqual([
      ["delivered", null],
      ["paused", "maintenance"],
      ["cancelled", null],
    ]);
    expect((await delivery("1"))?.attempts).toMatchObject([{ outcome: "delivered", note: { status: 200 } }]);
  });

  it("is that of each sender, or of one, and of none that is not there", async () => {
    await record(ledger.database, ledger.tenant, [newEvent({ sender: "a" }), newEvent(), newEvent({ sender: "b" })]);
    expect((await traces("1")).map(({ sender }) => sender)).toEqual(["a", "", "b"]);
    expect((await traces("1", "")).map(({ sender }) => sender)).toEqual([""]);
    expect(await traces("2")).toEqual([]);
    expect((await traces("1", "b"))[0]?.deliveries).toEqual([]);
  });

  it("has the latest attempts where there were many", async () => {
    await declare(ledger.database, ledger.tenant, [newDestination()]);
    await record(ledger.database, ledger.tenant, [newEvent()]);
    for (let attempt = 0; attempt < 101; attempt++) {
      await report(await claim(), { outcome: "released", reason: "throttled", message: note(429, null, null) });
    }
    const found = await delivery("1");
    expect([found?.attemptsMade, found?.attempts.length, found?.attempts.at(-1)?.attempt]).toEqual([101, 100, 101]);
  });
});
