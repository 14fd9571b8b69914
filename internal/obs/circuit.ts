import { Gauge, type Registry } from "prom-client";
import type { CircuitState } from "../resilience/guard.ts";
import { circuitChanged, DEPENDENCIES } from "./circuit-events.ts";
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

/** One line where a dependency is left alone, one where it answers again. Until `stop`. */
export function logCircuitEvents(log: Logger): { stop: () => void } {
  return {
    stop: circuitChanged.subscribe(({ dependency, state }) => {
      if (state === "open") log.error({ dependency }, "circuit open: it failed too often in a row and is left alone");
      else if (state === "closed") log.info({ dependency }, "circuit closed: it answers again");
      else log.debug({ dependency }, "circuit half-open: it is tried");
    }),
  };
}
