import { Counter, type Registry } from "prom-client";
import { configReloaded } from "./events.ts";
import type { MetricsFeed } from "./metrics.ts";

/** Counts what came of reading the configuration again (docs/reference/metrics). */
export function feedReloadMetrics(registry: Registry): MetricsFeed {
  const reloads = new Counter({
    name: "stellarindex_config_reloads_total",
    help: "SIGHUPs, by outcome: error where the configuration stayed as it was",
    labelNames: ["outcome"],
    registers: [registry],
  });
  for (const outcome of ["ok", "error"]) reloads.inc({ outcome }, 0);
  return { stop: configReloaded.subscribe(({ outcome }) => reloads.inc({ outcome })) };
}
