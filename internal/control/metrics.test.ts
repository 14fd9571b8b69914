import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { requestDone, requestShed } from "../http/events.ts";
import { series } from "../obs/registry.testing.ts";
import type { MetricsFeed } from "../obs/registry.ts";
import type { Transition } from "../storage/control/history-tail.ts";
import { ledgerCounted, ledgerReadFailed, transitionsRead } from "./events.ts";
import { BUILT_IN_KINDS } from "./kinds/kinds.ts";
import { feedControlMetrics } from "./metrics.ts";

let registry: Registry;
let feed: MetricsFeed;
beforeEach(() => {
  registry = new Registry();
  feed = feedControlMetrics(registry);
});
afterEach(() => feed.stop());

const value = (name: string) => series(registry, `stellarindex_control_${name}`);

function transition(given: Partial<Transition>): Transition {
  const none = {
    source: "",
    host: "",
    feed: null,
    runId: null,
    traceparent: null,
    worker: null,
    reason: null,
    message: null,
  };
  const base = { tenant: "t", entryId: 1n, jobId: 1n, kind: "k", at: 0n, from: "leased", to: "succeeded" } as const;
  return { ...none, ...base, attempt: 1, seconds: null, ...given };
}

const COUNTS = { jobs: [], waiting: [], slowedHosts: 0, throttleHits: 0, openIncidents: [] };

it("counts transitions, whichever process made them", async () => {
  transitionsRead.publish({
    transitions: [
      transition({ from: "ready", to: "leased", seconds: 3 }),
      transition({ from: "ready", to: "leased", seconds: null }),
      transition({ seconds: 0.2 }),
      transition({ to: "ready", reason: "error" }),
      transition({ to: "ready", reason: "worker_stopped" }),
      transition({ to: "dead", reason: "worker_lost" }),
      transition({ to: "cancelled", reason: "cancelled" }),
      transition({ from: "ready", to: "cancelled", reason: "cancelled" }),
      transition({ to: "failed", reason: null }),
    ],
  });
  expect(await value('wait_seconds_count{kind="k"}')).toBe(1);
  expect(await value('wait_seconds_bucket{le="5",kind="k"}')).toBe(1);
  expect(await value('run_seconds_sum{kind="k"}')).toBe(0.2);
  expect(await value('jobs_ended_total{state="succeeded"}')).toBe(1);
  expect(await value('jobs_ended_total{state="cancelled"}')).toBe(2);
  expect(await value('attempt_failures_total{outcome="retry",reason="error"}')).toBe(1);
  expect(await value('attempt_failures_total{outcome="dead",reason="worker_lost"}')).toBe(1);
  expect(await value('attempt_failures_total{outcome="failed",reason="unknown"}')).toBe(1);
  expect(await value('lease_losses_total{cause="worker_lost"}')).toBe(1);
  expect(await value('lease_losses_total{cause="cancelled"}')).toBe(1);
  expect(await value('jobs_rescued_total{state="dead"}')).toBe(1);
});

it("shows the ledger's counts, and zero for what is gone", async () => {
  const counts = {
    jobs: [{ kind: "k", state: "ready" as const, count: 4 }],
    waiting: [{ kind: "k", seconds: 7 }],
    slowedHosts: 2,
    throttleHits: 5,
    openIncidents: [{ code: "gap" as const, count: 1 }],
  };
  ledgerCounted.publish({ counts });
  expect(await value('jobs{state="ready",kind="k"}')).toBe(4);
  expect(await value('jobs{state="ready",kind="rollups.verify"}')).toBe(0);
  expect(await value('oldest_due_seconds{kind="k"}')).toBe(7);
  expect(await value('incidents{code="gap"}')).toBe(1);
  expect(await value("slowed_hosts")).toBe(2);
  // What was there at the start is no hit.
  expect(await value("throttle_hits_total")).toBe(0);
  ledgerCounted.publish({ counts: { ...COUNTS, throttleHits: 8 } });
  expect(await value("throttle_hits_total")).toBe(3);
  expect(await value('incidents{code="gap"}')).toBe(0);
  expect(await value('jobs{state="ready",kind="k"}')).toBeUndefined();
  ledgerReadFailed.publish({ read: "counts", error: new Error("down") });
  expect(await value('ledger_read_failures_total{read="counts"}')).toBe(1);
});

it("counts requests of the control API only, and not those of another server in the process", async () => {
  const request = { route: "/x", method: "GET", status: 200, seconds: 0.1, key: null };
  requestDone.publish({ server: "control", ...request });
  requestDone.publish({ server: "api", ...request });
  requestShed.publish({ server: "api", route: "/x" });
  expect(await value('requests_total{route="/x",method="GET",status="200"}')).toBe(1);
  expect(await value('request_duration_seconds_count{route="/x"}')).toBe(1);
  expect(await value("requests_shed_total")).toBe(0);
});

it("bounds kinds and reasons, which others choose", async () => {
  const transitions = Array.from({ length: 500 }, (_, index) =>
    transition({ kind: `kind${index}`, to: "failed", reason: `reason${index}`, seconds: 1 }),
  );
  transitionsRead.publish({ transitions });
  const text = await registry.metrics();
  expect(new Set(text.match(/run_seconds_count\{kind="[^"]*"/g)).size).toBe(51);
  expect(new Set(text.match(/outcome="failed",reason="[^"]*"/g)).size).toBe(51);
  expect(await value('run_seconds_count{kind="other"}')).toBe(450 + BUILT_IN_KINDS.length);
});
