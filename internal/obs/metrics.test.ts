import { afterEach, describe, expect, it } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { targetDone, tickDone, ticksSkipped, unknownSource } from "./events.ts";
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
      'stellarindex_aggregator_withheld_windows_total{reason="below-floor"}',
      'stellarindex_aggregator_withheld_windows_total{reason="unknown-usd-volume"}',
      "stellarindex_aggregator_unknown_usd_volume_total",
      "stellarindex_aggregator_target_failures_total",
      "stellarindex_aggregator_ticks_skipped_total",
      "stellarindex_aggregator_unknown_sources_total",
    ]) {
      expect([name, await series(registry, name)]).toEqual([name, 0]);
    }
  });

  it("count what events tell", async () => {
    const registry = createRegistry();
    feed = feedAggregatorMetrics(registry);
    const target = { pair, windowSeconds: 300, to: 0n, value: null, error: null };
    targetDone.publish({ ...target, outcome: "empty", dropped: { class: 3, outlier: 2 }, usdVolumeKnown: false });
    tickDone.publish({
      to: 1_786_314_600_000_000n,
      targets: 6,
      counts: { written: 1, superseded: 1, empty: 2, "below-floor": 1, "unknown-usd-volume": 0, error: 1 },
      abandoned: 0,
      durationSeconds: 0.1,
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
    expect(await counted("unknown_usd_volume_total")).toBe(1);
    expect(await counted("target_failures_total")).toBe(1);
    expect(await counted("ticks_skipped_total")).toBe(4);
    expect(await counted("unknown_sources_total")).toBe(1);
    expect(await counted("last_tick_boundary_seconds")).toBe(1_786_314_600);
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
