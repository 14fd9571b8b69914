import { afterEach, describe, expect, it } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import {
  type DivergenceEvent,
  type DivergenceFailure,
  divergenceChecked,
  type TriangulationEvent,
  targetDone,
  tickDone,
  ticksSkipped,
  triangulationDone,
  unknownSource,
} from "./events.ts";
import { createRegistry, feedAggregatorMetrics, type MetricsFeed } from "./metrics.ts";
import { venueSpread } from "./venue-spread.ts";

const pair = parsePair("XLM/USD");
let feed: MetricsFeed | undefined;
afterEach(() => feed?.stop());

/** The value of a series by its text, such as `name{label="x"}`. */
async function series(registry: ReturnType<typeof createRegistry>, name: string): Promise<number | undefined> {
  const line = (await registry.metrics()).split("\n").find((text) => text.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

describe("aggregator metrics", () => {
  it("are all there at zero from the start, and hold no pair", async () => {
    const registry = createRegistry();
    feed = feedAggregatorMetrics(registry);
    for (const name of [
      'stellarindex_aggregator_ticks_total{outcome="ok"}',
      'stellarindex_aggregator_ticks_total{outcome="error"}',
      "stellarindex_aggregator_vwap_writes_total",
      "stellarindex_aggregator_empty_windows_total",
      'stellarindex_aggregator_dropped_trades_total{reason="class"}',
      'stellarindex_aggregator_dropped_trades_total{reason="outlier"}',
      'stellarindex_aggregator_dropped_trades_total{reason="venue"}',
      'stellarindex_aggregator_dropped_trades_total{reason="peg"}',
      'stellarindex_aggregator_withheld_windows_total{reason="too-few-sources"}',
      'stellarindex_aggregator_withheld_windows_total{reason="below-floor"}',
      'stellarindex_aggregator_withheld_windows_total{reason="unknown-usd-volume"}',
      'stellarindex_aggregator_withheld_windows_total{reason="guarded"}',
      "stellarindex_aggregator_unknown_usd_volume_total",
      "stellarindex_aggregator_target_failures_total",
      "stellarindex_aggregator_ticks_skipped_total",
      "stellarindex_aggregator_unknown_sources_total",
      'stellarindex_aggregator_triangulations_total{outcome="ok"}',
      'stellarindex_aggregator_triangulations_total{outcome="missing_leg"}',
      'stellarindex_aggregator_triangulations_total{outcome="stale_leg"}',
      'stellarindex_aggregator_triangulations_total{outcome="error"}',
      "stellarindex_aggregator_fx_snap_fallback_total",
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

  it("count what events tell", async () => {
    const registry = createRegistry();
    feed = feedAggregatorMetrics(registry);
    const target = { pair, windowSeconds: 300, to: 0n, value: null, error: null, lastTrade: null };
    targetDone.publish({ ...target, outcome: "empty", dropped: { class: 3, outlier: 2 }, usdVolumeKnown: false });
    tickDone.publish({
      to: 1_786_314_600_000_000n,
      targets: 6,
      counts: {
        written: 1,
        superseded: 1,
        empty: 2,
        "too-few-sources": 2,
        "below-floor": 1,
        "unknown-usd-volume": 0,
        guarded: 3,
        error: 1,
      },
      abandoned: 0,
      lost: 0,
      durationSeconds: 0.1,
      endedAt: 1_786_314_606_000_000n,
      error: null,
    });
    ticksSkipped.publish({ count: 4, to: 0n });
    unknownSource.publish({ source: "nobody", pair });
    const counted = async (name: string) => series(registry, `stellarindex_aggregator_${name}`);
    expect(await counted('ticks_total{outcome="error"}')).toBe(1);
    expect(await counted('ticks_total{outcome="ok"}')).toBe(0);
    expect(await counted("vwap_writes_total")).toBe(1);
    expect(await counted("empty_windows_total")).toBe(2);
    expect(await counted('dropped_trades_total{reason="class"}')).toBe(3);
    expect(await counted('dropped_trades_total{reason="outlier"}')).toBe(2);
    expect(await counted('withheld_windows_total{reason="below-floor"}')).toBe(1);
    expect(await counted('withheld_windows_total{reason="too-few-sources"}')).toBe(2);
    expect(await counted('withheld_windows_total{reason="guarded"}')).toBe(3);
    expect(await counted("unknown_usd_volume_total")).toBe(1);
    expect(await counted("target_failures_total")).toBe(1);
    expect(await counted("ticks_skipped_total")).toBe(4);
    expect(await counted("unknown_sources_total")).toBe(1);
    expect(await counted("last_tick_boundary_seconds")).toBe(1_786_314_600);
  });

  it("count trades that went with their venue or with a broken peg, where there were any", async () => {
    const registry = createRegistry();
    feed = feedAggregatorMetrics(registry);
    const target = {
      pair,
      windowSeconds: 300,
      to: 0n,
      value: null,
      error: null,
      lastTrade: null,
      usdVolumeKnown: true,
    };
    targetDone.publish({ ...target, outcome: "empty", dropped: { class: 1, outlier: 0, venue: 7, peg: 5 } });
    targetDone.publish({ ...target, outcome: "empty", dropped: { class: 1, outlier: 0 } });
    const counted = (reason: string) =>
      series(registry, `stellarindex_aggregator_dropped_trades_total{reason="${reason}"}`);
    expect(await Promise.all(["class", "outlier", "venue", "peg"].map(counted))).toEqual([2, 0, 7, 5]);
  });

  it("count ways through other markets by what became of them, and the averages on them", async () => {
    const registry = createRegistry();
    feed = feedAggregatorMetrics(registry);
    const told = (outcome: TriangulationEvent["outcome"], fxFallbacks = 0): void =>
      triangulationDone.publish({ pair, windowSeconds: 300, to: 0n, outcome, leg: null, fxFallbacks });
    told("ok", 2);
    told("ok");
    told("ok", 1);
    told("missing_leg");
    told("missing_leg");
    told("stale_leg");
    const counted = (outcome: string) =>
      series(registry, `stellarindex_aggregator_triangulations_total{outcome="${outcome}"}`);
    const outcomes = ["ok", "missing_leg", "stale_leg", "error"];
    expect(await Promise.all(outcomes.map(counted))).toEqual([3, 2, 1, 0]);
    told("error");
    expect(await counted("error")).toBe(1);
    expect(await series(registry, "stellarindex_aggregator_fx_snap_fallback_total")).toBe(3);
  });

  it("count checks against references by outcome, what they found, and who was no help", async () => {
    const registry = createRegistry();
    feed = feedAggregatorMetrics(registry);
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

  it("count nothing after they are stopped", async () => {
    const registry = createRegistry();
    feedAggregatorMetrics(registry).stop();
    ticksSkipped.publish({ count: 4, to: 0n });
    expect(await series(registry, "stellarindex_aggregator_ticks_skipped_total")).toBe(0);
  });
});

describe("venueSpread", () => {
  const venue = (source: string, base_volume: string, quote_volume: string) => ({
    source,
    trade_count: 1,
    base_volume,
    quote_volume,
    share: "0.5",
  });

  it("is the distance of the venues over their median", () => {
    expect(
      venueSpread({ sources: [venue("a", "1", "100"), venue("b", "2", "202"), venue("c", "1", "104")] }),
    ).toBeCloseTo(4 / 101);
  });

  it("needs two venues", () => {
    expect(venueSpread({ sources: [venue("a", "1", "100")] })).toBe(null);
  });
});
