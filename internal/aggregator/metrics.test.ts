import { afterEach, describe, expect, it } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { series } from "../obs/registry.testing.ts";
import { createRegistry, type MetricsFeed } from "../obs/registry.ts";
import { venueSpread } from "../policy/venue-spread.ts";
import {
  type TriangulationEvent,
  targetDone,
  tickDone,
  ticksSkipped,
  triangulationDone,
  unknownSource,
} from "./events.ts";
import { feedAggregatorMetrics } from "./metrics.ts";

const pair = parsePair("XLM/USD");
let feed: MetricsFeed | undefined;
afterEach(() => feed?.stop());

describe("aggregator metrics", () => {
  it("exist at zero from the start, and no label contains a pair", async () => {
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
    ]) {
      expect([name, await series(registry, name)]).toEqual([name, 0]);
    }
  });

  it("count the published events", async () => {
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

  it("count the trades that the venue rule and the peg rule dropped", async () => {
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

  it("count triangulations by outcome, and the VWAPs that they use", async () => {
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

  it("is the difference between the venues' prices divided by their median", () => {
    expect(
      venueSpread({ sources: [venue("a", "1", "100"), venue("b", "2", "202"), venue("c", "1", "104")] }),
    ).toBeCloseTo(4 / 101);
  });

  it("needs at least two venues", () => {
    expect(venueSpread({ sources: [venue("a", "1", "100")] })).toBe(null);
  });
});
