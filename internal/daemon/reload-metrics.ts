import { Counter, type Registry } from "prom-client";
import type { MetricsFeed } from "../obs/registry.ts";
import { configReloaded } from "./events.ts";

/** Registers the metric of configuration reloads (docs/reference/metrics). */
export function feedReloadMetrics(registry: Registry): MetricsFeed {
  const reloads = new Counter({
    name: "stellarindex_config_reloads_total",
    help: "Configuration reloads (SIGHUP), by outcome: error where the old configuration was kept",
    labelNames: ["outcome"],
    registers: [registry],
  });
  for (const outcome of ["ok", "error"]) reloads.inc({ outcome }, 0);
  return { stop: configReloaded.subscribe(({ outcome }) => reloads.inc({ outcome })) };
}
