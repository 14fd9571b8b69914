import { Gauge, type Registry } from "prom-client";
import type { CircuitState } from "../resilience/guard.ts";
import { circuitChanged, DEPENDENCIES, type Dependency } from "./circuit-events.ts";
import { stopwatch } from "./clock.ts";
import type { Logger } from "./logging.ts";
import type { MetricsFeed } from "./metrics.ts";

const VALUES: Readonly<Record<CircuitState, number>> = { closed: 0, "half-open": 1, open: 2 };

/** The metric of the circuits, which both daemons have. */
export function feedCircuitMetrics(registry: Registry): MetricsFeed {
  const states = new Gauge({
    name: "stellarindex_circuit_state",
    help: "Whether a dependency is asked: 0 closed (it is), 1 half-open (it is tried), 2 open (it is left alone)",
    labelNames: ["dependency"],
    registers: [registry],
  });
  for (const dependency of DEPENDENCIES) states.set({ dependency }, VALUES.closed);
  return { stop: circuitChanged.subscribe(({ dependency, state }) => states.set({ dependency }, VALUES[state])) };
}

/** How often it is told again that a circuit is open: each trial in vain opens it anew. */
const REMINDER_SECONDS = 60;

/** One line where a dependency is left alone, one each minute that it stays so, one where it answers again. Until `stop`. */
export function logCircuitEvents(log: Logger, seconds: () => number = stopwatch): { stop: () => void } {
  const opened = new Map<Dependency, { readonly since: number; readonly toldAt: number }>();
  return {
    stop: circuitChanged.subscribe(({ dependency, state, reason }) => {
      const now = seconds();
      const { since, toldAt } = opened.get(dependency) ?? { since: now, toldAt: Number.NEGATIVE_INFINITY };
      const open_seconds = Math.round(now - since);
      if (state === "closed") {
        opened.delete(dependency);
        log.info({ dependency, open_seconds }, "circuit closed: it answers again");
      } else if (state === "open" && now - toldAt >= REMINDER_SECONDS) {
        const isNew = !opened.has(dependency);
        opened.set(dependency, { since, toldAt: now });
        if (isNew) log.error({ dependency, reason }, "circuit open: it failed too often in a row and is left alone");
        else log.error({ dependency, reason, open_seconds }, "circuit still open: it is tried in vain");
      } else {
        log.debug({ dependency, reason }, `circuit ${state}`);
      }
    }),
  };
}
