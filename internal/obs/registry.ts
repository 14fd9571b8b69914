import { collectDefaultMetrics, Registry } from "prom-client";

/** A subscription that updates metrics from events until `stop`. */
export interface MetricsFeed {
  readonly stop: () => void;
}

/** Creates a registry with the process's default metrics (`process_…`, `nodejs_…`). */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
