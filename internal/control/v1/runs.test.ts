import { describe, expect, it } from "vitest";
import { serveTestControl } from "./app.testing.ts";

const control = serveTestControl({
  operator: { tenant: "default", scopes: ["control:admin"] },
  worker: { tenant: "default", scopes: ["jobs:work"] },
  stranger: { tenant: "other", scopes: ["control:admin"] },
});
const { call } = control;

const FEED = encodeURIComponent("kraken:XLM/USD");
const DECLARED = {
  source: "kraken",
  host: "api.kraken.com",
  kind: "trades.fetch",
  payload: { pair: "XLM/USD" },
  start_at: "2026-01-01T00:00:00Z",
  chunk: "30m",
  reason: "a test",
};
const RANGE = { from: "2026-01-01T00:00:00Z", to: "2026-01-01T02:00:00Z" };

/** Does all jobs of a kind; returns their payloads. */
async function work(kind: string): Promise<unknown[]> {
  const claim = { worker: "w", kinds: [kind], max_jobs: 100, lease_seconds: 60 };
  const { jobs } = (await call("worker", "POST", "/work/claim", claim)).body;
  const reports = jobs.map(({ job_id, lease_token }: Record<string, string>) => ({
    job_id,
    lease_token,
    outcome: "succeeded",
  }));
  if (reports.length > 0) await call("worker", "POST", "/work/report", { reports });
  return jobs.map(({ payload }: { payload: unknown }) => payload);
}

describe("the control API of feeds and runs", () => {
  it("fills the gaps of a feed by a run that is previewed first", async () => {
    expect((await call("operator", "PUT", `/feeds/${FEED}`, DECLARED)).body).toMatchObject({
      feed: "kraken:XLM/USD",
      chunk_seconds: 1800,
      watermark: null,
      gaps: [],
    });
    const live = {
      intervals: [{ from: "2026-01-01T00:30:00Z", to: "2026-01-01T01:00:00Z" }],
      watermark: "2026-01-01T02:00:00Z",
    };
    expect((await call("worker", "POST", `/feeds/${FEED}/cover`, live)).body).toEqual({ watermark: live.watermark });
    const missing = { ...RANGE, feed: "kraken:XLM/USD", only_gaps: true };
    expect((await call("operator", "POST", "/runs/preview", missing)).body).toEqual({
      windows: 3,
      tokens: 3,
      seconds: null,
    });
    const { body: made } = await call("operator", "POST", "/runs", { ...missing, reason: "fill the gaps" });
    expect(made).toEqual({ run_id: expect.any(String), windows: 3, new_jobs: 3, merge_job: null });
    const windows = (await call("operator", "GET", `/runs/${made.run_id}/windows?limit=2`)).body;
    expect(windows.data.map(({ from }: { from: string }) => from)).toEqual([RANGE.from, "2026-01-01T01:00:00Z"]);
    const rest = await call("operator", "GET", `/runs/${made.run_id}/windows?cursor=${windows.next}`);
    expect(rest.body).toMatchObject({ data: [{ from: "2026-01-01T01:30:00Z", state: "ready" }], next: null });
    expect(await work("trades.fetch")).toEqual([
      { pair: "XLM/USD", from: RANGE.from, to: "2026-01-01T00:30:00Z" },
      { pair: "XLM/USD", from: "2026-01-01T01:00:00Z", to: "2026-01-01T01:30:00Z" },
      { pair: "XLM/USD", from: "2026-01-01T01:30:00Z", to: RANGE.to },
    ]);
    expect((await call("operator", "GET", `/runs/${made.run_id}`)).body).toMatchObject({
      state: "succeeded",
      feed: "kraken:XLM/USD",
      reason: "fill the gaps",
      jobs: { succeeded: 3 },
    });
    expect((await call("operator", "GET", `/feeds/${FEED}`)).body).toMatchObject({ gaps: [], coverage: [RANGE] });
    expect((await call("operator", "POST", "/runs/preview", missing)).body).toMatchObject({ windows: 0 });
    expect((await call("operator", "POST", "/runs", { ...missing, reason: "again" })).body.detail).toContain(
      "nothing to do",
    );
    const all = { ...RANGE, feed: "kraken:XLM/USD" };
    expect((await call("operator", "POST", "/runs/preview", all)).body).toMatchObject({
      windows: 4,
      seconds: expect.any(Number),
    });
    const same = { ...all, kind: "trades.fetch", payload: { pair: "XLM/USD", depth: 1 } };
    expect((await call("operator", "POST", "/runs/preview", same)).body).toMatchObject({ windows: 4 });
    for (const other of [{ kind: "trades.drop" }, { payload: { pair: "BTC/USD" } }]) {
      const refused = await call("operator", "POST", "/runs", { ...all, ...other, reason: "other work" });
      expect([refused.status, refused.body.detail]).toEqual([422, expect.stringContaining("leave it out, or make")]);
    }
  });

  it("cancels a run and has it run again, with who did and why in the audit log", async () => {
    const run = { ...RANGE, kind: "test.window", chunk: "1h", reason: "a test" };
    const { run_id } = (await call("operator", "POST", "/runs", run)).body;
    const cancelled = await call("operator", "POST", `/runs/${run_id}/cancel`, { reason: "too early" });
    expect(cancelled.body).toEqual({ changed_jobs: 2 });
    expect((await call("operator", "GET", `/runs/${run_id}`)).body).toMatchObject({ state: "cancelled" });
    expect((await call("operator", "POST", `/runs/${run_id}/retry`, { reason: "now" })).body.changed_jobs).toBe(2);
    expect(await work("test.window")).toHaveLength(2);
    const rows = await control.database.sql`
      SELECT action, reason FROM control.audit_log WHERE target ->> 'run' = ${run_id} ORDER BY entry_id`;
    expect([...rows]).toEqual([
      { action: "runs.cancel", reason: "too early" },
      { action: "runs.retry", reason: "now" },
    ]);
  });

  it("shows and changes nothing of another tenant", async () => {
    const [run] = (await call("operator", "GET", "/runs?limit=1")).body.data;
    for (const path of [`/feeds/${FEED}`, `/runs/${run.run_id}`, `/runs/${run.run_id}/windows`]) {
      expect((await call("stranger", "GET", path)).status).toBe(404);
    }
    for (const path of ["/feeds", "/runs", "/schedules", "/artifacts"]) {
      expect((await call("stranger", "GET", path)).body).toEqual({ data: [], next: null });
    }
    expect((await call("stranger", "POST", `/runs/${run.run_id}/cancel`, { reason: "r" })).status).toBe(422);
    expect((await call("stranger", "POST", `/feeds/${FEED}/remove`, { reason: "r" })).body).toEqual({ removed: false });
  });

  it("refuses a feed whose payload its built-in kind does not take, and stores nothing of it", async () => {
    const wrong = { ...DECLARED, kind: "prices.backfill", payload: { pairs: ["XLM/USD"], window: ["5m"] } };
    const refused = await call("operator", "PUT", "/feeds/wrong", wrong);
    expect([refused.status, refused.body.detail]).toEqual([422, expect.stringContaining("window")]);
    expect((await call("operator", "GET", "/feeds/wrong")).status).toBe(404);
    const right = { ...wrong, payload: { pairs: ["XLM/USD"], windows: ["5m"], format: "csv" } };
    expect((await call("operator", "PUT", "/feeds/right", right)).status).toBe(200);
    expect((await call("operator", "POST", "/feeds/right/remove", { reason: "a test" })).status).toBe(200);
  });

  it("covers of windows in the future what is past, and no watermark passes the clock", async () => {
    const hour = 3_600_000;
    const inWholeSeconds = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;
    const start = inWholeSeconds(Date.now() - hour);
    const end = inWholeSeconds(Date.now() + 3 * hour);
    const feed = { ...DECLARED, kind: "test.future", payload: {}, start_at: start, chunk: "2h" };
    await call("operator", "PUT", "/feeds/future", feed);
    await call("operator", "POST", "/runs", { feed: "future", from: start, to: end, reason: "a test" });
    expect(await work("test.future")).toHaveLength(2);
    const { watermark, coverage, gaps } = (await call("operator", "GET", "/feeds/future")).body;
    expect(Date.parse(watermark)).toBeLessThanOrEqual(Date.now());
    expect([coverage, gaps]).toEqual([[{ from: start, to: watermark }], []]);
    await call("operator", "POST", "/feeds/future/remove", { reason: "a test" });
  });

  it.each([
    ["/runs", { ...RANGE, reason: "r" }, 422, "name a feed or a kind"],
    ["/runs", { ...RANGE, kind: "a", reason: "r" }, 422, "name a feed or a chunk"],
    ["/runs", { ...RANGE, feed: "none", reason: "r" }, 422, "there is no feed none"],
    ["/runs", { ...RANGE, kind: "a", chunk: "1s", only_gaps: true, reason: "r" }, 422, "only a feed has gaps"],
    ["/runs", { ...RANGE, to: RANGE.from, kind: "a", chunk: "1s", reason: "r" }, 422, "from is not before to"],
    ["/runs", { ...RANGE, kind: "a", chunk: "1.5s", reason: "r" }, 400, "invalid"],
    [
      "/runs",
      { ...RANGE, kind: "prices.backfill", chunk: "1h", payload: { format: "xml" }, reason: "r" },
      422,
      "/format",
    ],
    ["/feeds/x/cover", { watermark: RANGE.to }, 404, "there is no feed x"],
    ["/feeds/x/cover", { intervals: [{ from: RANGE.to, to: RANGE.from }] }, 400, "/intervals/0: from is not before to"],
    ["/feeds/x/cover", { intervals: [{ from: RANGE.to, to: RANGE.to }] }, 400, "/intervals/0: from is not before to"],
    ["/feeds/x/cover", { intervals: [{ from: RANGE.from, to: "2999-01-01T00:00:00Z" }] }, 422, "is in the future"],
    ["/feeds/x/cover", { watermark: "2999-01-01T00:00:00Z" }, 422, "is in the future"],
  ])("refuses %s %j", async (path, body, status, detail) => {
    const answer = await call(path.startsWith("/feeds") ? "worker" : "operator", "POST", path, body);
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([status, expect.stringContaining(detail)]);
  });
});

describe("the control API of schedules", () => {
  const HOURLY = { kind: "rollups.verify", every: "1h", missed: "skip", jitter: "10s", reason: "a test" };

  it("stores, pauses, resumes and removes them", async () => {
    const { body } = await call("operator", "PUT", "/schedules/hourly", HOURLY);
    expect(body).toMatchObject({ every_seconds: 3600, missed: "skip", jitter_seconds: 10, last_at: null });
    expect(body.next_at).toMatch(/:00:00Z$/);
    const act = (verb: string) => call("operator", "POST", `/schedules/hourly/${verb}`, { reason: "a test" });
    expect((await act("pause")).body).toEqual({ changed: true });
    expect((await call("operator", "GET", "/schedules")).body.data).toMatchObject([{ paused_reason: "a test" }]);
    expect((await act("resume")).body).toEqual({ changed: true });
    expect((await act("resume")).body).toEqual({ changed: false });
    await control.database.sql`UPDATE control.schedules SET is_configured = true`;
    expect((await call("operator", "PUT", "/schedules/hourly", HOURLY)).status).toBe(422);
    await control.database.sql`UPDATE control.schedules SET is_configured = false`;
    expect((await act("remove")).body).toEqual({ changed: true });
    expect((await call("operator", "GET", "/schedules/hourly")).status).toBe(404);
  });

  it.each([
    [{ every: null }, 422, "give either cron"],
    [{ cron: "* * * * *" }, 422, "give either cron"],
    [{ missed: "catch_up" }, 422, "needs overlap"],
    [{ every: null, cron: "x" }, 422, "is invalid"],
    [{ every: "0s" }, 400, "is not in whole seconds"],
    [{ payload: { all: true } }, 422, "/"],
  ])("refuses %j", async (given, status, detail) => {
    const answer = await call("operator", "PUT", "/schedules/hourly", { ...HOURLY, ...given });
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([status, expect.stringContaining(detail)]);
  });
});
