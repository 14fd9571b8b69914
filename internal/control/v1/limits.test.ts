import { describe, expect, it } from "vitest";
import { serveTestControl } from "./app.testing.ts";

const control = serveTestControl({
  admin: { tenant: "default", scopes: ["control:admin", "jobs:work"] },
  operator: { tenant: "default", scopes: ["control:operate"] },
  reader: { tenant: "default", scopes: ["control:read"] },
  stranger: { tenant: "other", scopes: ["control:admin"] },
});
const { call } = control;
const REASON = { reason: "a test" };

const act = async (path: string, body: object = {}, name = "operator") => {
  const answered = await call(name, "POST", path, { ...REASON, ...body });
  return answered.status === 200 ? answered.body : [answered.status, answered.body.detail];
};
const list = async (path: string, name = "reader") => (await call(name, "GET", path)).body.data;
const claim = async () => {
  const request = { worker: "w", kinds: ["test.work"], max_jobs: 10, lease_seconds: 60 };
  return (await call("admin", "POST", "/work/claim", request)).body.jobs;
};
const submit = async (given: object) =>
  (await call("operator", "POST", "/jobs", { kind: "test.work", max_attempts: 1, ...given })).body.job_id;

describe("the control API", () => {
  it("limits a source, and shows it to its tenant only", async () => {
    expect(await act("/sources/kraken/set", { max_concurrent: 2 })).toEqual({ changed: true });
    const shown = [{ source: "kraken", max_concurrent: 2, leased: 0, paused_reason: null }];
    expect(await list("/sources")).toEqual(shown);
    expect(await list("/sources", "stranger")).toEqual([]);
    expect(await act("/sources/kraken/remove")).toEqual({ changed: true });
    expect(await act("/sources/kraken/remove")).toEqual({ changed: false });
  });

  it("sets a host's rate, which a throttled report halves, and gives tokens to workers", async () => {
    expect(await act("/throttles/api.example:443/set", { max_rate: 10, burst: 5 })).toEqual({ changed: true });
    await submit({ host: "api.example:443" });
    const [{ job_id, lease_token }] = await claim();
    const tokens = { job_id, lease_token, tokens: 3 };
    expect((await call("admin", "POST", "/work/tokens", tokens)).body).toEqual({ granted: 3, wait_seconds: 0 });
    const lost = await call("admin", "POST", "/work/tokens", { ...tokens, lease_token: "999" });
    expect([lost.status, lost.body.detail]).toEqual([409, `the lease of job ${job_id} is lost`]);
    const throttle = { status: 429, retry_after_seconds: 60 };
    const reports = [{ job_id, lease_token, outcome: "failed", throttle }];
    expect((await call("admin", "POST", "/work/report", { reports })).body.reported).toHaveLength(1);
    expect(await list("/throttles")).toMatchObject([
      { host: "api.example:443", max_rate: 10, rate: 5, burst: 5, not_before: expect.any(String) },
    ]);
    expect(await act("/throttles/api.example:443/remove")).toEqual({ changed: true });
  });

  it("pauses and resumes sources, feeds and runs", async () => {
    const id = await submit({ feed: "kraken/XLM-EUR" });
    const target = { scope: "feed", name: "kraken/XLM-EUR" };
    expect(await act("/pauses/pause", { target })).toEqual({ changed: true });
    expect(await claim()).toEqual([]);
    expect(await list("/pauses")).toEqual([
      { ...target, reason: "a test", actor: "operator", since: expect.any(String) },
    ]);
    expect((await call("reader", "GET", `/jobs/${id}`)).body.obstacles).toMatchObject([{ code: "feed_paused" }]);
    expect(await act("/pauses/resume", { target })).toEqual({ changed: true });
    expect(await claim()).toMatchObject([{ job_id: id, feed: "kraken/XLM-EUR", run_id: null }]);
    await act("/jobs/cancel", { jobs: [id] });
  });

  it("pauses no source or feed that the tenant does not have, and names those that it has", async () => {
    await act("/sources/binance/set", { max_concurrent: 2 });
    const pause = (scope: string, name: string, by = "operator") =>
      act("/pauses/pause", { target: { scope, name } }, by);
    expect(await pause("source", "binanse")).toEqual([
      404,
      "there is no source binanse: there are binance; a source is known once it has a limit (control sources set), a feed or a job",
    ]);
    expect(await pause("feed", "kraken:XLM")).toEqual([
      404,
      expect.stringContaining("there are kraken/XLM-EUR; a feed is"),
    ]);
    expect(await pause("source", "binance", "stranger")).toEqual([404, expect.stringContaining("there is none yet")]);
    expect(await list("/pauses")).toEqual([]);
    expect(await pause("source", "binance")).toEqual({ changed: true });
    await act("/pauses/resume", { target: { scope: "source", name: "binance" } });
    await act("/sources/binance/remove");
  });

  it("pauses a run that the tenant has, and no other", async () => {
    const range = { from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:00:00Z" };
    const { run_id } = await act("/runs", { ...range, kind: "test.work", chunk: "1h" });
    const target = { scope: "run", name: run_id };
    expect(await act("/pauses/pause", { target }, "stranger")).toEqual([404, `there is no run ${run_id}`]);
    expect(await act("/pauses/pause", { target: { ...target, name: "999" } })).toEqual([404, "there is no run 999"]);
    expect(await act("/pauses/pause", { target })).toEqual({ changed: true });
    expect(await act("/pauses/resume", { target })).toEqual({ changed: true });
    await act(`/runs/${run_id}/cancel`);
  });

  it("adds and removes blackouts", async () => {
    const from = "2020-01-01T00:00:00Z";
    const all = { from, until: "2999-01-01T00:00:00Z" };
    expect(await act("/blackouts/add", { ...all, confirm: true })).toEqual([
      403,
      expect.stringContaining("control:admin"),
    ]);
    expect(await act("/blackouts/add", all, "admin")).toEqual([409, expect.stringContaining("stops all work")]);
    const { blackout_id } = await act("/blackouts/add", { ...all, confirm: true }, "admin");
    const id = await submit({});
    expect(await claim()).toEqual([]);
    expect(await list("/blackouts")).toMatchObject([{ blackout_id, source: "", from, actor: "admin" }]);
    expect(await act("/blackouts/add", { source: "kraken", from, until: from })).toEqual([
      422,
      expect.stringContaining("cannot end at"),
    ]);
    expect(await act(`/blackouts/${blackout_id}/remove`)).toEqual({ changed: true });
    expect(await claim()).toHaveLength(1);
    await act("/jobs/cancel", { jobs: [id] });
  });

  it("runs dead letters again only if told twice, and those that match", async () => {
    const ids = [await submit({ host: "a.example" }), await submit({ host: "b.example" })];
    const reports = (await claim()).map(({ job_id, lease_token }: Record<string, string>) => ({
      job_id,
      lease_token,
      outcome: "retry",
      reason: "timeout",
    }));
    await call("admin", "POST", "/work/report", { reports });
    expect(await list("/dead-letters?host=a.example&reason=timeout")).toMatchObject([
      { job_id: ids[0], host: "a.example" },
    ]);
    const filter = { host: "a.example" };
    expect(await act("/dead-letters/redrive", { filter, dry_run: true })).toEqual({ matching: 1, redriven: 0 });
    expect(await act("/dead-letters/redrive", { filter })).toEqual([
      409,
      'this runs 1 jobs again; send "confirm": true to do it',
    ]);
    expect(await act("/dead-letters/redrive", { filter, confirm: true })).toEqual({ matching: 1, redriven: 1 });
    expect(await list("/dead-letters")).toMatchObject([{ job_id: ids[1] }]);
    await act("/jobs/cancel", { jobs: ids });
  });

  it("shows and sets the tenant's quota, and pauses all of it only if told twice", async () => {
    expect(await act("/tenant/quota", { max_concurrent: 5, max_per_day: null }, "admin")).toEqual({ changed: true });
    expect(await act("/tenant/pause", {}, "admin")).toEqual([409, expect.stringContaining('send "confirm": true')]);
    expect(await act("/tenant/pause", { confirm: true }, "admin")).toEqual({ changed: true });
    expect((await call("reader", "GET", "/tenant")).body).toEqual({
      tenant: "default",
      max_concurrent: 5,
      max_per_day: null,
      leased: 0,
      started_today: null,
      paused_reason: "a test",
    });
    expect((await call("stranger", "GET", "/tenant")).body).toMatchObject({ tenant: "other", max_concurrent: null });
    expect(await act("/tenant/resume", {}, "admin")).toEqual({ changed: true });
  });

  it("moves jobs to another priority, and says what a cancelled one leaves blocked", async () => {
    const id = await submit({});
    const next = await submit({ needs: [id] });
    expect(await act("/jobs/prioritize", { jobs: [id], priority: 0 })).toEqual({ changed: [id], unchanged: [] });
    expect((await call("reader", "GET", `/jobs/${id}`)).body.priority).toBe(0);
    expect(await act("/jobs/cancel", { jobs: [id] })).toEqual({ changed: [id], unchanged: [], left_blocked: 1 });
    await act("/jobs/cancel", { jobs: [next] });
  });

  it("shows the audit log, page by page, to its tenant only", async () => {
    await act("/sources/sdex/set", { max_concurrent: 1, ticket: "OPS-1" });
    const first = (await call("reader", "GET", "/audit?limit=1")).body;
    expect(first.data).toMatchObject([{ actor: "operator", action: "source.set", reason: "a test", ticket: "OPS-1" }]);
    expect(await list(`/audit?limit=1&cursor=${first.next}`)).toHaveLength(1);
    expect(await list("/audit", "stranger")).toEqual([]);
  });

  it.each([
    ["reader", "/sources/kraken/set", { max_concurrent: 1 }],
    ["reader", "/pauses/pause", { target: { scope: "source", name: "kraken" } }],
    ["operator", "/tenant/quota", { max_concurrent: 1, max_per_day: 1 }],
    ["operator", "/tenant/pause", { confirm: true }],
  ])("refuses to a %s: %s", async (name, path, body) => {
    expect((await call(name, "POST", path, { ...REASON, ...body })).status).toBe(403);
  });

  it.each([
    ["/sources/kraken/set", { max_concurrent: -1 }, "max_concurrent"],
    ["/sources/KRAKEN/set", { max_concurrent: 1 }, "source"],
    ["/throttles/api.example/set", { max_rate: 0, burst: 1 }, "max_rate"],
    ["/pauses/pause", { target: { scope: "tenant", name: "" } }, "scope"],
    ["/pauses/pause", { target: { scope: "run", name: "x" } }, "name"],
    ["/blackouts/add", { from: "today", until: "tomorrow" }, "from"],
    ["/dead-letters/redrive", { filter: {} }, "filter"],
    ["/jobs/prioritize", { jobs: ["1"], priority: 10 }, "priority"],
    ["/sources/kraken/remove", { reason: " " }, "reason"],
  ])("refuses %s with %j as invalid, and names %s", async (path, body, field) => {
    const [status, detail] = await act(path, body);
    expect([status, detail]).toEqual([400, expect.stringContaining(field)]);
  });
});
