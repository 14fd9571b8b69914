import { afterEach, describe, expect, it } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { parseTime, seconds } from "../canonical/time.ts";
import { createRegistry, type MetricsFeed } from "../obs/registry.ts";
import { type TargetOutcome, targetDone, tickDone } from "./events.ts";
import { feedPriceMetrics } from "./price-metrics.ts";

const START = parseTime("2026-08-09T22:30:00Z");
const COUNTS = {
  written: 0,
  superseded: 0,
  empty: 0,
  "too-few-sources": 0,
  "below-floor": 0,
  "unknown-usd-volume": 0,
  guarded: 0,
  error: 0,
};

let feed: MetricsFeed | undefined;
afterEach(() => feed?.stop());

function open() {
  const registry = createRegistry();
  feed = feedPriceMetrics(registry);
  const series = async (name: string): Promise<number | undefined> => {
    const line = (await registry.metrics()).split("\n").find((text) => text.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  };
  const states = () =>
    Promise.all(
      ["fresh", "late", "lost", "never"].map((state) =>
        series(`stellarindex_aggregator_target_values{state="${state}"}`),
      ),
    );
  const newest = () => series("stellarindex_aggregator_newest_trade_timestamp_seconds");
  /** Publishes a tick some minutes after the start, with the outcome and the last trade's time of each pair. */
  const tick = (
    minutes: number,
    outcomes: Readonly<Record<string, TargetOutcome>>,
    lastTrade: bigint | null = null,
  ) => {
    const to = START + seconds(60 * minutes);
    for (const [pair, outcome] of Object.entries(outcomes)) {
      const target = { pair: parsePair(pair), windowSeconds: 300, to, outcome, lastTrade };
      targetDone.publish({
        ...target,
        value: null,
        error: null,
        dropped: { class: 0, outlier: 0 },
        usdVolumeKnown: true,
      });
    }
    end(to, null);
  };
  const failedTick = (minutes: number) => end(START + seconds(60 * minutes), new Error("the database is away"));
  const end = (to: bigint, error: Error | null) =>
    tickDone.publish({
      to,
      targets: 0,
      counts: COUNTS,
      abandoned: 0,
      lost: 0,
      durationSeconds: 0,
      endedAt: to,
      error,
    });
  return { registry, states, newest, tick, failedTick };
}

describe("the metrics of targets with and without a value", () => {
  it("exist at zero from the start, and no label contains a pair", async () => {
    const { registry, states, newest, tick } = open();
    expect(await states()).toEqual([0, 0, 0, 0]);
    expect(await newest()).toBe(0);
    tick(0, { "XLM/USD": "written" });
    expect(await registry.metrics()).not.toContain("XLM");
  });

  it("count a target as fresh, then late, and lost after half an hour, whatever the reason", async () => {
    const { states, tick } = open();
    tick(0, { "XLM/USD": "written", "BTC/USD": "superseded", "ETH/USD": "empty" });
    expect(await states()).toEqual([2, 0, 0, 1]);
    tick(29, { "XLM/USD": "empty", "BTC/USD": "below-floor", "ETH/USD": "error" });
    expect(await states()).toEqual([0, 2, 0, 1]);
    tick(30, { "XLM/USD": "guarded", "BTC/USD": "error", "ETH/USD": "empty" });
    expect(await states()).toEqual([0, 0, 2, 1]);
    tick(31, { "XLM/USD": "written", "BTC/USD": "error", "ETH/USD": "empty" });
    expect(await states()).toEqual([1, 0, 1, 1]);
  });

  it("cover only the targets of the last tick: a pair that another member has taken over is not lost", async () => {
    const { states, tick } = open();
    tick(0, { "XLM/USD": "written", "BTC/USD": "written" });
    tick(1, { "XLM/USD": "written" });
    tick(40, { "XLM/USD": "written" });
    expect(await states()).toEqual([1, 0, 0, 0]);
  });

  it("count targets as late after ticks that fail as a whole", async () => {
    const { states, tick, failedTick } = open();
    tick(0, { "XLM/USD": "written", "BTC/USD": "empty" });
    failedTick(1);
    expect(await states()).toEqual([0, 1, 0, 1]);
    failedTick(45);
    expect(await states()).toEqual([0, 0, 1, 1]);
    tick(46, { "XLM/USD": "written", "BTC/USD": "empty" });
    expect(await states()).toEqual([1, 0, 0, 1]);
  });
});

it("keep the time of the newest trade until there is a newer one", async () => {
  const { newest, tick } = open();
  tick(0, { "XLM/USD": "written" }, START - seconds(7));
  expect(await newest()).toBe(Number(START / 1_000_000n) - 7);
  tick(60, { "XLM/USD": "empty" }, null);
  tick(61, { "XLM/USD": "empty" }, START - seconds(900));
  expect(await newest()).toBe(Number(START / 1_000_000n) - 7);
});
