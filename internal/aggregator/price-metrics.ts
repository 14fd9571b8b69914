import { Gauge, type Registry } from "prom-client";
import { formatPair } from "../canonical/pair.ts";
import type { MetricsFeed } from "../obs/registry.ts";
import { targetDone, tickDone } from "./events.ts";
import { createValueStates, VALUE_STATES } from "./value-states.ts";

/** Feeds metrics of whether prices exist and trades arrive, since a healthy tick loop does not imply either. */
export function feedPriceMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  const targetValues = new Gauge({
    name: "stellarindex_aggregator_target_values",
    help: "Targets by age of their value: fresh (last tick), late (up to 30 min), lost (older), never (no value yet)",
    labelNames: ["state"],
    registers,
  });
  const newestTrade = new Gauge({
    name: "stellarindex_aggregator_newest_trade_timestamp_seconds",
    help: "Newest trade that counts for a target, up to the last closed bucket, in Unix time; 0 before the first",
    registers,
  });
  for (const state of VALUE_STATES) targetValues.set({ state }, 0);
  const values = createValueStates();
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
