import { Counter, type Registry } from "prom-client";
import type { MetricsFeed } from "../obs/registry.ts";
import { DIVERGENCE_OUTCOMES, divergenceChecked, REFERENCE_FAILURES } from "./events.ts";

/**
 * Feeds the metrics of comparisons with references (docs/reference/metrics). Every series exists at zero from the
 * start.
 */
export function feedDivergenceMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  const divergence = new Counter({
    name: "stellarindex_divergence_refresh_total",
    help: "Comparisons of published pairs with references, by outcome",
    labelNames: ["outcome"],
    registers,
  });
  const divergenceWarnings = new Counter({
    name: "stellarindex_divergence_warnings_total",
    help: "Comparisons in which the published price deviates too far from the references' median",
    registers,
  });
  const referenceFailures = new Counter({
    name: "stellarindex_divergence_reference_failures_total",
    help: "Prices missing from a reference, by kind of failure",
    labelNames: ["failure"],
    registers,
  });
  for (const outcome of DIVERGENCE_OUTCOMES) divergence.inc({ outcome }, 0);
  for (const failure of REFERENCE_FAILURES) referenceFailures.inc({ failure }, 0);

  return {
    stop: divergenceChecked.subscribe((event) => {
      divergence.inc({ outcome: event.outcome });
      if (event.divergence?.warning === true) divergenceWarnings.inc();
      for (const { failure } of event.failures) referenceFailures.inc({ failure });
    }),
  };
}
