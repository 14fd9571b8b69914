import { afterEach, describe, expect, it } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { series } from "../obs/registry.testing.ts";
import { createRegistry, type MetricsFeed } from "../obs/registry.ts";
import { type DivergenceEvent, type DivergenceFailure, divergenceChecked } from "./events.ts";
import { feedDivergenceMetrics } from "./metrics.ts";

const pair = parsePair("XLM/USD");
let feed: MetricsFeed | undefined;
afterEach(() => feed?.stop());

describe("divergence metrics", () => {
  it("exist at zero from the start", async () => {
    const registry = createRegistry();
    feed = feedDivergenceMetrics(registry);
    for (const name of [
      'stellarindex_divergence_refresh_total{outcome="ok"}',
      'stellarindex_divergence_refresh_total{outcome="no_vwap"}',
      'stellarindex_divergence_refresh_total{outcome="parse_error"}',
      'stellarindex_divergence_refresh_total{outcome="refresh_error"}',
      "stellarindex_divergence_warnings_total",
      'stellarindex_divergence_reference_failures_total{failure="unreadable"}',
      'stellarindex_divergence_reference_failures_total{failure="unreachable"}',
      'stellarindex_divergence_reference_failures_total{failure="unknown"}',
      'stellarindex_divergence_reference_failures_total{failure="stale"}',
    ]) {
      expect([name, await series(registry, name)]).toEqual([name, 0]);
    }
  });

  it("count checks by outcome and warnings, and references by failure", async () => {
    const registry = createRegistry();
    feed = feedDivergenceMetrics(registry);
    const of = (warning: boolean): DivergenceEvent["divergence"] => ({
      pair: "crypto:XLM/fiat:USD",
      price: "0.4",
      to: "2026-08-09T22:30:00Z",
      checked: true,
      median: "0.5",
      deviation_pct: "25",
      threshold_pct: "5",
      warning,
      references: [],
    });
    const failed = (...failures: DivergenceFailure["failure"][]): DivergenceFailure[] =>
      failures.map((failure) => ({ reference: "band", failure, reason: "why" }));
    divergenceChecked.publish({ pair, outcome: "ok", divergence: of(true), failures: failed("unknown") });
    divergenceChecked.publish({ pair, outcome: "ok", divergence: of(true), failures: [] });
    divergenceChecked.publish({ pair, outcome: "ok", divergence: of(false), failures: [] });
    divergenceChecked.publish({ pair, outcome: "no_vwap", divergence: null, failures: [] });
    const failures = failed("unreadable", "stale", "stale", "unreachable", "unreachable", "unreachable");
    divergenceChecked.publish({ pair, outcome: "parse_error", divergence: null, failures });
    const outcome = (name: string) => series(registry, `stellarindex_divergence_refresh_total{outcome="${name}"}`);
    const outcomes = ["ok", "no_vwap", "parse_error", "refresh_error"];
    expect(await Promise.all(outcomes.map(outcome))).toEqual([3, 1, 1, 0]);
    divergenceChecked.publish({ pair, outcome: "refresh_error", divergence: null, failures: [] });
    expect(await outcome("refresh_error")).toBe(1);
    expect(await series(registry, "stellarindex_divergence_warnings_total")).toBe(2);
    const failure = (kind: string) =>
      series(registry, `stellarindex_divergence_reference_failures_total{failure="${kind}"}`);
    const kinds = ["unknown", "unreadable", "stale", "unreachable"];
    expect(await Promise.all(kinds.map(failure))).toEqual([1, 1, 2, 3]);
    expect(await registry.metrics()).not.toMatch(/XLM|band/);
  });
});
