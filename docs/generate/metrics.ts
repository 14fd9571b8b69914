import { type Metric, Registry } from "prom-client";
import { feedAggregatorMetrics } from "../../internal/aggregator/metrics.ts";
import { feedPriceMetrics } from "../../internal/aggregator/price-metrics.ts";
import { feedApiMetrics } from "../../internal/api/metrics.ts";
import { feedCollectorMetrics } from "../../internal/collect/metrics.ts";
import { feedControlMetrics } from "../../internal/control/metrics.ts";
import { feedCircuitMetrics } from "../../internal/daemon/circuits.ts";
import { feedDatabaseMetrics } from "../../internal/daemon/database.ts";
import { feedReloadMetrics } from "../../internal/daemon/reload-metrics.ts";
import { feedArchiveMetrics } from "../../internal/deliver/archive/metrics.ts";
import { feedDeliverMetrics } from "../../internal/deliver/metrics.ts";
import { feedDivergenceMetrics } from "../../internal/divergence/metrics.ts";
import { feedGatewayMetrics } from "../../internal/ingest/gateway/metrics.ts";
import type { MetricsFeed } from "../../internal/obs/registry.ts";

/** A metric with all that is known of it before anything has happened. */
export interface MetricReference {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** The labels, each with the values whose series exist from the start. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  /** The upper bounds of a histogram's buckets. */
  readonly buckets: readonly number[];
}

/** What each daemon registers, besides the process's own. */
const DAEMONS: Readonly<
  Record<
    "aggregator" | "api" | "control" | "deliver" | "gateway" | "worker",
    readonly ((registry: Registry) => MetricsFeed)[]
  >
> = {
  aggregator: [
    feedAggregatorMetrics,
    feedDivergenceMetrics,
    feedPriceMetrics,
    feedCircuitMetrics,
    feedDatabaseMetrics,
    feedReloadMetrics,
  ],
  api: [feedApiMetrics, feedCircuitMetrics, feedDatabaseMetrics, feedReloadMetrics],
  gateway: [feedGatewayMetrics, feedCircuitMetrics, feedDatabaseMetrics, feedReloadMetrics],
  control: [feedControlMetrics, feedCircuitMetrics, feedDatabaseMetrics, feedReloadMetrics],
  deliver: [feedDeliverMetrics, feedArchiveMetrics, feedCircuitMetrics, feedDatabaseMetrics, feedReloadMetrics],
  worker: [feedCollectorMetrics, feedCircuitMetrics, feedDatabaseMetrics],
};

/** The metrics of one daemon, by name. */
export async function metricsOf(daemon: keyof typeof DAEMONS): Promise<MetricReference[]> {
  const registry = new Registry();
  for (const feed of DAEMONS[daemon]) feed(registry).stop();
  const references = await Promise.all(
    (await registry.getMetricsAsJSON()).map(({ name }) => referenceOf(registry, name)),
  );
  return references.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function referenceOf(registry: Registry, name: string): Promise<MetricReference> {
  // What a metric was made with stays on it, though its type does not say so.
  const metric = registry.getSingleMetric(name) as Metric & Made;
  const { type, help, values } = await metric.get();
  const labels = new Map(metric.labelNames.map((label) => [label, valuesOf(label, values)]));
  return { name, type: String(type), help, labels, buckets: metric.upperBounds ?? [] };
}

interface Made {
  readonly labelNames: readonly string[];
  readonly upperBounds?: readonly number[];
}

function valuesOf(label: string, series: readonly { readonly labels: object }[]): string[] {
  const values = series.flatMap(({ labels }) => Object.entries(labels).filter(([name]) => name === label));
  return [...new Set(values.map(([, value]) => String(value)))];
}
