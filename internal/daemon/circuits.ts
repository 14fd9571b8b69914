import { Gauge, type Registry } from "prom-client";
import type { CircuitState } from "../lib/circuit-breaker.ts";
import { stopwatch } from "../lib/clock.ts";
import type { Logger } from "../obs/logger.ts";
import type { MetricsFeed } from "../obs/registry.ts";
import { circuitChanged, DEPENDENCIES, type Dependency } from "./events.ts";

const VALUES: Readonly<Record<CircuitState, number>> = { closed: 0, "half-open": 1, open: 2 };

/** Registers the metric of the circuits, which both daemons have. */
export function feedCircuitMetrics(registry: Registry): MetricsFeed {
  const states = new Gauge({
    name: "stellarindex_circuit_state",
    help: "State of a dependency's circuit breaker: 0 closed (calls pass), 1 half-open (one call tries), 2 open (calls fail at once)",
    labelNames: ["dependency"],
    registers: [registry],
  });
  for (const dependency of DEPENDENCIES) states.set({ dependency }, VALUES.closed);
  return { stop: circuitChanged.subscribe(({ dependency, state }) => states.set({ dependency }, VALUES[state])) };
}

/** How often an open circuit is logged again; each failed trial reopens it. */
const REMINDER_SECONDS = 60;

/** Logs when a circuit opens, each minute while it stays open, and when it closes, until `stop`. */
export function logCircuitEvents(log: Logger, seconds: () => number = stopwatch): { stop: () => void } {
  const opened = new Map<Dependency, { readonly since: number; readonly loggedAt: number }>();
  return {
    stop: circuitChanged.subscribe(({ dependency, state, reason }) => {
      const now = seconds();
      const { since, loggedAt } = opened.get(dependency) ?? { since: now, loggedAt: Number.NEGATIVE_INFINITY };
      const open_seconds = Math.round(now - since);
      if (state === "closed") {
        opened.delete(dependency);
        log.info({ dependency, open_seconds }, "circuit closed");
      } else if (state === "open" && now - loggedAt >= REMINDER_SECONDS) {
        const isNew = !opened.has(dependency);
        opened.set(dependency, { since, loggedAt: now });
        if (isNew) log.error({ dependency, reason }, "circuit open after consecutive failures");
        else log.error({ dependency, reason, open_seconds }, "circuit still open: trials fail");
      } else {
        log.debug({ dependency, reason }, `circuit ${state}`);
      }
    }),
  };
}
