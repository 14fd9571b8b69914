import { type Metric, Registry } from "prom-client";
import { feedApiMetrics } from "../internal/obs/api-metrics.ts";
import { feedCircuitMetrics } from "../internal/obs/circuit.ts";
import { feedAggregatorMetrics } from "../internal/obs/metrics.ts";

/** A metric of a daemon, before anything has happened. */
export interface RegisteredMetric {
  readonly name: string;
  readonly type: string;
  /** The labels, each with the values whose series exist from the start. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  /** The upper bounds of a histogram's buckets. */
  readonly buckets: readonly number[];
}

/** All that the daemons register, besides the process's own. */
export async function registeredMetrics(): Promise<RegisteredMetric[]> {
  const registry = new Registry();
  for (const feed of [feedAggregatorMetrics, feedApiMetrics, feedCircuitMetrics]) feed(registry).stop();
  // What a metric was made with stays on it, though its type does not say so.
  const metrics = registry.getMetricsAsArray() as unknown as (Metric & {
    labelNames: string[];
    upperBounds?: number[];
  })[];
  return Promise.all(
    metrics.map(async (metric) => {
      const { name, type, values } = await metric.get();
      const valuesOf = (label: string): string[] =>
        values.flatMap(({ labels }) =>
          Object.entries(labels).flatMap(([key, value]) => (key === label ? [`${value}`] : [])),
        );
      const labels = new Map(metric.labelNames.map((label) => [label, valuesOf(label)]));
      return { name, type: String(type), labels, buckets: metric.upperBounds ?? [] };
    }),
  );
}
