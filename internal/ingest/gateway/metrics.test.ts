import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { series } from "../../obs/registry.testing.ts";
import type { MetricsFeed } from "../../obs/registry.ts";
import type { JournalState } from "../journal/journal.ts";
import { drainFailed, journalDrained, quarantineCounted, quarantined, rowsAnswered, writeRefused } from "./events.ts";
import { feedGatewayMetrics } from "./metrics.ts";

let registry: Registry;
let feed: MetricsFeed;
let journal: JournalState | null = null;
beforeEach(() => {
  registry = new Registry();
  feed = feedGatewayMetrics(registry, () => journal);
});
afterEach(() => feed.stop());

const value = (name: string) => series(registry, `stellarindex_gateway_${name}`);

it("counts rows, refusals, what is drained and what cannot be read", async () => {
  const counts = { new: 3, known: 0, conflict: 0, rejected: 1, journalled: 2 };
  rowsAnswered.publish({ counts });
  rowsAnswered.publish({ counts });
  writeRefused.publish({ reason: "disk-full", error: new Error("full") });
  journalDrained.publish({ records: 7 });
  drainFailed.publish({ error: new Error("away"), retryMs: 100 });
  quarantined.publish({ kind: "malformed", error: null });
  quarantined.publish({ kind: "malformed", error: new Error("full") });
  expect(await value('rows_total{status="new"}')).toBe(6);
  expect(await value('rows_total{status="journalled"}')).toBe(4);
  expect(await value('rows_total{status="known"}')).toBe(0);
  expect(await value('refused_writes_total{reason="disk-full"}')).toBe(1);
  expect(await value('refused_writes_total{reason="journal-full"}')).toBe(0);
  expect(await value("drained_records_total")).toBe(7);
  expect(await value("drain_failures_total")).toBe(1);
  expect(await value('unreadable_total{outcome="kept"}')).toBe(1);
  expect(await value('unreadable_total{outcome="lost"}')).toBe(1);
});

it("shows the journal, and the quarantine as it was counted last", async () => {
  expect([await value("journal_records"), await value("journal_age_seconds")]).toEqual([0, 0]);
  journal = { depth: 2, bytes: 100, oldest: systemClock.now() - 5_000_000n, trouble: null };
  expect([await value("journal_records"), await value("journal_bytes")]).toEqual([2, 100]);
  expect(await value("journal_age_seconds")).toBeGreaterThanOrEqual(5);
  quarantineCounted.publish({ counts: [{ kind: "conflict", entries: 3, bytes: 300 }] });
  expect(await value('quarantine_entries{kind="conflict"}')).toBe(3);
  expect(await value('quarantine_bytes{kind="conflict"}')).toBe(300);
  expect(await value('quarantine_entries{kind="malformed"}')).toBe(0);
  quarantineCounted.publish({ counts: [] });
  expect(await value('quarantine_entries{kind="conflict"}')).toBe(0);
});
