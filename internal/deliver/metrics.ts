import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { MetricsFeed } from "../obs/registry.ts";
import {
  attemptEnded,
  deliverFailed,
  deliveriesCounted,
  destinationDown,
  destinationsConfigured,
  eventDelivered,
} from "./events.ts";

const OUTCOMES = ["delivered", "retry", "throttled", "gone", "stopped"] as const;
const CALLS = ["claim", "extend", "report", "release", "count", "watch"] as const;
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600];

/** Registers the metrics of deliveries. Only names that the configuration has, or had since the start, become labels. */
export function feedDeliverMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  const attempts = new Counter({
    name: "stellarindex_deliver_attempts_total",
    help: "Attempts to deliver events, by destination and how they ended",
    labelNames: ["destination", "outcome"],
    registers,
  });
  const failedCalls = new Counter({
    name: "stellarindex_deliver_failed_calls_total",
    help: "Calls that failed, by what they were for; watch: passes that look for the index's own events",
    labelNames: ["call"],
    registers,
  });
  for (const call of CALLS) failedCalls.inc({ call }, 0);
  const attemptSeconds = new Histogram({
    name: "stellarindex_deliver_attempt_seconds",
    help: "Time until a destination answered, or did not",
    labelNames: ["destination"],
    buckets: SECONDS,
    registers,
  });
  const delivered = new Histogram({
    name: "stellarindex_deliver_event_seconds",
    help: "Time from the recording of an event to its delivery",
    labelNames: ["destination"],
    buckets: SECONDS,
    registers,
  });
  const gauge = (name: string, help: string): Gauge =>
    new Gauge({ name: `stellarindex_deliver_${name}`, help, labelNames: ["destination"], registers });
  const pending = gauge("pending", "Deliveries that have not ended, counted every 15 s");
  const oldest = gauge("oldest_seconds", "Age of the oldest delivery that has not ended, counted every 15 s");
  const dead = gauge("dead_letters", "Deliveries whose attempts are used up, counted every 15 s");
  const paused = gauge("paused", "1 while the destination is paused, counted every 15 s");
  const down = gauge("destination_down", "1 while the destination does not answer, and its attempts are not counted");
  const unconfigured = new Gauge({
    name: "stellarindex_deliver_unconfigured_pending",
    help: "Deliveries that have not ended to destinations that the configuration does not have, counted every 15 s",
    registers,
  });
  const known = new Set<string>();
  let configured: readonly string[] = [];
  const add = (destination: string): void => {
    if (known.has(destination)) return;
    known.add(destination);
    for (const outcome of OUTCOMES) attempts.inc({ destination, outcome }, 0);
    attemptSeconds.zero({ destination });
    delivered.zero({ destination });
    for (const each of [pending, oldest, dead, paused, down]) each.set({ destination }, 0);
  };
  const subscriptions = [
    deliverFailed.subscribe(({ call }) => {
      if (call !== "archive") failedCalls.inc({ call });
    }),
    attemptEnded.subscribe(({ destination, outcome, seconds }) => {
      if (!known.has(destination)) return;
      attempts.inc({ destination, outcome });
      attemptSeconds.observe({ destination }, seconds);
    }),
    eventDelivered.subscribe(({ destination, seconds }) => {
      if (known.has(destination)) delivered.observe({ destination }, seconds);
    }),
    destinationDown.subscribe(({ destination, isDown }) => {
      if (known.has(destination)) down.set({ destination }, isDown ? 1 : 0);
    }),
    destinationsConfigured.subscribe(({ destinations }) => {
      configured = destinations;
      configured.forEach(add);
    }),
    deliveriesCounted.subscribe(({ counts }) => {
      const others = counts.filter(({ destination }) => !configured.includes(destination));
      unconfigured.set(others.reduce((sum, { pending }) => sum + pending, 0));
      for (const { destination, ...counted } of counts) {
        if (!known.has(destination)) continue;
        pending.set({ destination }, counted.pending);
        oldest.set({ destination }, counted.oldestSeconds);
        dead.set({ destination }, counted.deadLetters);
        paused.set({ destination }, counted.isPaused ? 1 : 0);
      }
    }),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
