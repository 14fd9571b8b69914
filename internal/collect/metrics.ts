import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { MetricsFeed } from "../obs/registry.ts";
import { CONNECTORS } from "./connectors.ts";
import { collectorFailed, connected, disconnected, gapFound, messageUnread, tradesStored } from "./events.ts";

const STEPS = ["write", "coverage", "probe", "gaps"] as const;
/** A process never forgets a series; sources are chosen by the configuration. */
const MOST_SOURCES = 50;

/** Feeds the metrics of collectors of this process (docs/reference/metrics), by source. */
export function feedCollectorMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  const sources = new Set(CONNECTORS.map(({ source }) => source));
  const sourceOf = (source: string): string => {
    if (sources.has(source)) return source;
    if (sources.size >= MOST_SOURCES) return "other";
    sources.add(source);
    return source;
  };
  const trades = new Counter({
    name: "stellarindex_collector_trades_total",
    help: "Trades that came from venues: new ones, those that were stored before, and those with other amounts than stored",
    labelNames: ["source", "via", "outcome"],
    registers,
  });
  const lag = new Histogram({
    name: "stellarindex_collector_lag_seconds",
    help: "Time from the newest trade of a batch, by the venue's clock, until the batch was stored",
    labelNames: ["source"],
    buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60],
    registers,
  });
  const writes = new Histogram({
    name: "stellarindex_collector_write_seconds",
    help: "Time from the arrival of a batch's first trade until the batch was stored",
    labelNames: ["source"],
    buckets: [0.05, 0.1, 0.25, 0.3, 0.4, 0.5, 1, 2, 5],
    registers,
  });
  const live = new Gauge({
    name: "stellarindex_collector_connections",
    help: "Connections on which every market is subscribed that the venue has",
    labelNames: ["source"],
    registers,
  });
  const ends = new Counter({
    name: "stellarindex_collector_disconnects_total",
    help: "Connections that ended (live), and attempts that failed",
    labelNames: ["source", "outcome"],
    registers,
  });
  const unread = new Counter({
    name: "stellarindex_collector_unread_messages_total",
    help: "Messages that could not be understood",
    labelNames: ["source"],
    registers,
  });
  const gaps = new Counter({
    name: "stellarindex_collector_gaps_total",
    help: "Gaps that got a job",
    labelNames: ["source"],
    registers,
  });
  const failures = new Counter({
    name: "stellarindex_collector_failures_total",
    help: "Steps that failed and are repeated",
    labelNames: ["source", "step"],
    registers,
  });
  for (const source of sources) {
    lag.zero({ source });
    writes.zero({ source });
    live.set({ source }, 0);
    unread.inc({ source }, 0);
    gaps.inc({ source }, 0);
    for (const outcome of ["live", "failed"]) ends.inc({ source, outcome }, 0);
    for (const step of STEPS) failures.inc({ source, step }, 0);
    for (const via of ["live", "history"]) {
      for (const outcome of ["new", "known", "conflicting"]) trades.inc({ source, via, outcome }, 0);
    }
  }
  const subscriptions = [
    tradesStored.subscribe(({ source: of, via, inserted, known, conflicting, lagSeconds, writeSeconds }) => {
      const source = sourceOf(of);
      trades.inc({ source, via, outcome: "new" }, inserted);
      trades.inc({ source, via, outcome: "known" }, known - conflicting);
      trades.inc({ source, via, outcome: "conflicting" }, conflicting);
      if (lagSeconds !== null) lag.observe({ source }, lagSeconds);
      if (writeSeconds !== null) writes.observe({ source }, writeSeconds);
    }),
    connected.subscribe(({ source }) => live.inc({ source: sourceOf(source) })),
    disconnected.subscribe(({ source: of, wasLive }) => {
      const source = sourceOf(of);
      if (wasLive) live.dec({ source });
      ends.inc({ source, outcome: wasLive ? "live" : "failed" });
    }),
    messageUnread.subscribe(({ source }) => unread.inc({ source: sourceOf(source) })),
    gapFound.subscribe(({ source }) => gaps.inc({ source: sourceOf(source) })),
    collectorFailed.subscribe(({ source, step }) => failures.inc({ source: sourceOf(source), step })),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
