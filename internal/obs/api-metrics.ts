import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import {
  backendUnreachable,
  foreignPolicy,
  requestDone,
  requestFailed,
  requestRateLimited,
  requestShed,
  requestsInFlight,
  requestTimedOut,
  storedValueRefused,
  storeFollowed,
} from "./api-events.ts";
import type { MetricsFeed } from "./metrics.ts";

/** Requests of one route that are not handed over yet. */
interface Tally {
  readonly method: string;
  readonly status: number;
  count: number;
}

/** The API's metrics (docs/reference/metrics). No label holds what was asked. */
export function feedApiMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  // Counted here and handed over when somebody looks: labels are dear next to an answer that is at hand.
  const tallies = new Map<string, Tally[]>();
  new Counter({
    name: "stellarindex_api_requests_total",
    help: "Requests answered, by route pattern, method and status",
    labelNames: ["route", "method", "status"],
    registers,
    collect() {
      for (const [route, ofRoute] of tallies) {
        for (const { method, status, count } of ofRoute) this.inc({ route, method, status }, count);
      }
      tallies.clear();
    },
  });
  const durations = new Histogram({
    name: "stellarindex_api_request_duration_seconds",
    help: "How long answers took, by route pattern",
    labelNames: ["route"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const failures = new Counter({
    name: "stellarindex_api_request_failures_total",
    help: "Requests that met an error nobody expected",
    registers,
  });
  const inFlight = new Gauge({
    name: "stellarindex_api_in_flight",
    help: "Requests that wait for their answer, and those answered with a timeout whose work goes on",
    registers,
  });
  const shed = new Counter({
    name: "stellarindex_api_requests_shed_total",
    help: "Requests turned away because as many waited for their answer as may",
    registers,
  });
  const rateLimited = new Counter({
    name: "stellarindex_api_rate_limited_total",
    help: "Requests turned away because their client had made too many",
    registers,
  });
  const timeouts = new Counter({
    name: "stellarindex_api_request_timeouts_total",
    help: "Requests whose answer was not there in time",
    registers,
  });
  const unreachable = new Counter({
    name: "stellarindex_api_backend_unreachable_total",
    help: "Questions to the store or the database that got no answer",
    labelNames: ["backend"],
    registers,
  });
  const refusedValues = new Counter({
    name: "stellarindex_api_stored_values_refused_total",
    help: "Stored values set aside: not an aggregator's, or of a bucket that is not closed",
    registers,
  });
  const foreignPolicies = new Counter({
    name: "stellarindex_api_foreign_policies_total",
    help: "Policies of served values other than the API's own, each counted once",
    registers,
  });
  const following = new Gauge({
    name: "stellarindex_api_store_followed",
    help: "1 while stored values are answered from copies in the process, 0 while each is read from the store",
    registers,
  });
  for (const backend of ["store", "database"]) unreachable.inc({ backend }, 0);

  const subscriptions = [
    requestDone.subscribe(({ route, method, status, seconds }) => {
      countRequest(tallies, route, method, status);
      durations.observe({ route }, seconds);
    }),
    requestFailed.subscribe(() => failures.inc()),
    requestsInFlight.subscribe(({ count }) => inFlight.set(count)),
    requestShed.subscribe(() => shed.inc()),
    requestRateLimited.subscribe(() => rateLimited.inc()),
    requestTimedOut.subscribe(() => timeouts.inc()),
    backendUnreachable.subscribe(({ backend }) => unreachable.inc({ backend })),
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

function countRequest(tallies: Map<string, Tally[]>, route: string, method: string, status: number): void {
  const ofRoute = tallies.get(route);
  const tally = ofRoute?.find((each) => each.status === status && each.method === method);
  if (tally !== undefined) tally.count++;
  else if (ofRoute !== undefined) ofRoute.push({ method, status, count: 1 });
  else tallies.set(route, [{ method, status, count: 1 }]);
}
