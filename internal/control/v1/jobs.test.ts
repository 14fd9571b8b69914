import { describe, expect, it } from "vitest";
import { serveTestControl } from "./app.testing.ts";

const control = serveTestControl({
  operator: { tenant: "default", scopes: ["control:operate"] },
  reader: { tenant: "default", scopes: ["control:read"] },
  worker: { tenant: "default", scopes: ["jobs:work"] },
  stranger: { tenant: "other", scopes: ["control:admin", "jobs:work"] },
});
const { call } = control;
const CLAIM = { worker: "w", kinds: ["test.work"], max_jobs: 10, lease_seconds: 60 };

async function submit(given: object = {}): Promise<string> {
  const { status, body } = await call("operator", "POST", "/jobs", { kind: "test.work", ...given });
  expect([status, body.is_new, body.is_built_in]).toEqual([200, true, false]);
  return body.job_id;
}

describe("the control API", () => {
  it("leases a submitted job, extends and ends it, and shows its history", async () => {
    const payload = { text: "ü\u{1f600}", list: [1, null] };
    const id = await submit({ payload, traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` });
    const claimed = await call("worker", "POST", "/work/claim", CLAIM);
    expect(claimed.body.jobs).toEqual([expect.objectContaining({ job_id: id, payload, attempt: 1, max_attempts: 5 })]);
    const { lease_token } = claimed.body.jobs[0];
    const held = { job_id: id, lease_token };
    expect((await call("worker", "POST", "/work/extend", { lease_seconds: 60, leases: [held] })).body).toEqual({
      kept: [{ ...held, is_extended: true }],
    });
    const report = { reports: [{ ...held, outcome: "succeeded", message: "{}" }] };
    expect((await call("worker", "POST", "/work/report", report)).body).toEqual({
      reported: [{ job_id: id, state: "succeeded" }],
    });
    // What is sent again changes nothing.
    expect((await call("worker", "POST", "/work/report", report)).body).toEqual({ reported: [] });
    expect((await call("worker", "POST", "/work/extend", { lease_seconds: 60, leases: [held] })).body.kept).toEqual([]);
    const { body } = await call("reader", "GET", `/jobs/${id}`);
    expect(body.obstacles).toEqual([{ code: "ended", text: "it has ended: succeeded", until: null }]);
    expect(body.history.map(({ to }: { to: string }) => to)).toEqual(["ready", "leased", "succeeded"]);
  });

  it("pages through jobs, newest first, each once", async () => {
    const ids = [await submit(), await submit(), await submit()];
    const first = await call("reader", "GET", "/jobs?kind=test.work&state=ready,leased&limit=2");
    const second = await call("reader", "GET", `/jobs?kind=test.work&state=ready&limit=2&cursor=${first.body.next}`);
    const listed = [...first.body.data, ...second.body.data].map(({ job_id }: { job_id: string }) => job_id);
    expect(listed).toEqual(ids.toReversed());
    expect(second.body.next).toBeNull();
    const etag = first.headers.get("etag") ?? "";
    const again = await fetch(`${control.url}/jobs?kind=test.work&state=ready,leased&limit=2`, {
      headers: { ...control.headersOf("reader"), "If-None-Match": etag },
    });
    expect(again.status).toBe(304);
    await call("operator", "POST", "/jobs/cancel", { jobs: ids, reason: "a test" });
  });

  it("shows and changes nothing of another tenant", async () => {
    const id = await submit();
    expect((await call("stranger", "GET", `/jobs/${id}`)).status).toBe(404);
    expect((await call("stranger", "GET", "/jobs")).body).toEqual({ data: [], next: null });
    const cancel = { jobs: [id], reason: "not mine" };
    expect((await call("stranger", "POST", "/jobs/cancel", cancel)).body).toMatchObject({
      changed: [],
      unchanged: [id],
    });
    expect((await call("stranger", "POST", "/work/claim", CLAIM)).body).toEqual({ jobs: [] });
    expect((await call("stranger", "POST", "/jobs", { kind: "test.work", needs: [id] })).body.detail).toBe(
      `needs job ${id}, which does not exist`,
    );
    expect((await call("operator", "POST", "/jobs/cancel", { jobs: [id], reason: "a test" })).body.changed).toEqual([
      id,
    ]);
  });

  it("keeps who acted, and why", async () => {
    const id = await submit();
    await call("operator", "POST", "/jobs/cancel", { jobs: [id], reason: "submitted twice", ticket: "OPS-7" });
    const rows = await control.database.sql`
      SELECT actor, action, reason, ticket FROM control.audit_log ORDER BY entry_id DESC LIMIT 1`;
    expect([...rows]).toEqual([
      { actor: "operator", action: "jobs.cancel", reason: "submitted twice", ticket: "OPS-7" },
    ]);
  });

  it.each([
    ["reader", "POST", "/jobs", { kind: "test.work" }],
    ["reader", "POST", "/work/claim", CLAIM],
    ["operator", "POST", "/work/claim", CLAIM],
    ["worker", "GET", "/jobs", undefined],
    ["worker", "POST", "/jobs/retry", { jobs: ["1"], reason: "r" }],
  ])("refuses to a %s: %s %s", async (name, method, path, body) => {
    expect((await call(name, method, path, body)).status).toBe(403);
  });

  it("refuses who has no key", async () => {
    expect((await fetch(`${control.url}/jobs`)).status).toBe(401);
    expect((await fetch(`${control.url}/openapi.json`)).status).toBe(200);
  });

  it.each([
    ["operator", "POST", "/jobs", {}, 400, [{ pointer: "/kind", detail: "is missing" }]],
    [
      "operator",
      "POST",
      "/jobs",
      { kind: "rollups.verify", payload: { repair: 1, all: true } },
      400,
      [
        { pointer: "/payload/repair", detail: expect.stringContaining("boolean") },
        { pointer: "/payload/all", detail: "is not a field of this body" },
      ],
    ],
    [
      "operator",
      "POST",
      "/jobs",
      { kind: "a", run_at: "tomorrow" },
      400,
      [{ pointer: "/run_at", detail: expect.any(String) }],
    ],
    [
      "operator",
      "POST",
      "/jobs",
      { kind: "a", idempotency_key: "schedule:nightly:2026-01-01T00:00:00Z" },
      400,
      [{ pointer: "/idempotency_key", detail: expect.stringContaining("the ledger's own keys") }],
    ],
    [
      "operator",
      "POST",
      "/jobs",
      { kind: "a", idempotency_key: "run:" },
      400,
      [{ pointer: "/idempotency_key", detail: expect.stringContaining("the ledger's own keys") }],
    ],
    ["operator", "POST", "/jobs", { kind: "a", payload: { "\0": 1 } }, 422, undefined],
    ["operator", "POST", "/jobs", { kind: "a", payload: "half \ud800" }, 422, undefined],
    ["operator", "POST", "/jobs/cancel", { jobs: ["1"] }, 400, [{ pointer: "/reason", detail: "is missing" }]],
    [
      "operator",
      "POST",
      "/jobs/cancel",
      { jobs: ["1"], reason: " " },
      400,
      [{ pointer: "/reason", detail: "has no visible character: write it in words" }],
    ],
    [
      "operator",
      "POST",
      "/jobs/cancel",
      { jobs: ["0"], reason: "r" },
      400,
      [{ pointer: "/jobs/0", detail: expect.any(String) }],
    ],
    [
      "reader",
      "GET",
      "/jobs?state=gone",
      undefined,
      400,
      [{ parameter: "state", detail: expect.stringContaining("gone") }],
    ],
    [
      "operator",
      "POST",
      "/jobs/cancel",
      { jobs: ["1"], reason: "\u200b\u2060\u3164" },
      400,
      [{ pointer: "/reason", detail: "has no visible character: write it in words" }],
    ],
    [
      "reader",
      "GET",
      "/jobs?limit=1&limit=2",
      undefined,
      400,
      [{ parameter: "limit", detail: "is given more than once" }],
    ],
    ["reader", "GET", "/jobs?limit=1000", undefined, 400, [{ parameter: "limit", detail: expect.any(String) }]],
    ["reader", "GET", "/jobs/x", undefined, 400, [{ parameter: "job", detail: expect.any(String) }]],
    [
      "worker",
      "POST",
      "/work/claim",
      { ...CLAIM, lease_seconds: 1 },
      400,
      [{ pointer: "/lease_seconds", detail: expect.any(String) }],
    ],
    [
      "worker",
      "POST",
      "/work/claim",
      { ...CLAIM, worker: "a\nb" },
      400,
      [{ pointer: "/worker", detail: expect.any(String) }],
    ],
    ["worker", "DELETE", "/work/claim", undefined, 405, undefined],
  ])("answers %s %s %s %j with a problem that names the field", async (name, method, path, body, status, errors) => {
    const answer = await call(name, method, path, body);
    expect([answer.status, answer.body.errors]).toEqual([status, errors]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });
});
