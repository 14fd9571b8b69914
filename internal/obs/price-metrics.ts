import { Gauge, type Registry } from "prom-client";
import { formatPair } from "../canonical/pair.ts";
import { targetDone, tickDone } from "./events.ts";
import type { MetricsFeed } from "./metrics.ts";
import { createTargetValues, VALUE_STATES } from "./target-values.ts";

/** Metrics of whether prices exist, and whether trades arrive: a loop that runs well may have neither. */
export function feedPriceMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  const targetValues = new Gauge({
    name: "stellarindex_aggregator_target_values",
    help: "This aggregator's targets by whether they have a value: of the last tick, for less or more than half an hour no more, or never since it looks after them",
    labelNames: ["state"],
    registers,
  });
  const newestTrade = new Gauge({
    name: "stellarindex_aggregator_newest_trade_timestamp_seconds",
    help: "When the newest trade was that counts for a target, in Unix time; trades after the last closed bucket are none; 0 before the first",
    registers,
  });
  for (const state of VALUE_STATES) targetValues.set({ state }, 0);
  const values = createTargetValues();
  let newest = 0;

  const subscriptions = [
    targetDone.subscribe(({ pair, windowSeconds, to, outcome, lastTrade }) => {
      values.add(`${formatPair(pair)} ${windowSeconds}`, outcome === "written" || outcome === "superseded", to);
      if (lastTrade !== null) newest = Math.max(newest, Number(lastTrade) / 1e6);
    }),
    tickDone.subscribe(({ to, error }) => {
      const counts = values.endTick(to, error === null);
      for (const state of VALUE_STATES) targetValues.set({ state }, counts[state]);
      newestTrade.set(newest);
    }),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
