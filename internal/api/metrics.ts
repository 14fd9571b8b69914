import { Counter, Gauge, type Registry } from "prom-client";
import { backendUnreachable } from "../http/events.ts";
import { feedRequestMetrics } from "../http/metrics.ts";
import type { MetricsFeed } from "../obs/registry.ts";
import { foreignPolicy, storedValueRefused, storeFollowed } from "./events.ts";

/** Registers the API's metrics (docs/reference/metrics). */
export function feedApiMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  const requests = feedRequestMetrics(registry, "api");
  const unreachable = new Counter({
    name: "stellarindex_api_backend_unreachable_total",
    help: "Calls to the store or the database that got no answer",
    labelNames: ["backend"],
    registers,
  });
  const refusedValues = new Counter({
    name: "stellarindex_api_stored_values_refused_total",
    help: "Stored values rejected: not written by an aggregator, or of a bucket that is not closed",
    registers,
  });
  const foreignPolicies = new Counter({
    name: "stellarindex_api_foreign_policies_total",
    help: "Policies of served values that differ from the API's own, each counted once",
    registers,
  });
  const following = new Gauge({
    name: "stellarindex_api_store_followed",
    help: "1 while stored values are answered from copies in the process, 0 while each is read from the store",
    registers,
  });
  for (const backend of ["store", "database"]) unreachable.inc({ backend }, 0);

  const subscriptions = [
    requests.stop,
    backendUnreachable.subscribe(({ server, backend }) => server === "api" && unreachable.inc({ backend })),
    storedValueRefused.subscribe(() => refusedValues.inc()),
    foreignPolicy.subscribe(() => foreignPolicies.inc()),
    storeFollowed.subscribe(({ isFollowing }) => following.set(isFollowing ? 1 : 0)),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
