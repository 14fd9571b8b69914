import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { MetricsFeed } from "../obs/registry.ts";
import {
  requestDone,
  requestFailed,
  requestRateLimited,
  requestShed,
  requestsInFlight,
  requestTimedOut,
  type ServerName,
} from "./events.ts";

/** Requests of one route that are not in the registry yet. */
interface Tally {
  readonly method: string;
  readonly status: number;
  count: number;
}

/**
 * Registers the metrics of the requests that a server of this process answers, named after it, such as
 * `stellarindex_api_requests_total`. No label contains a path or a parameter.
 */
export function feedRequestMetrics(registry: Registry, server: ServerName): MetricsFeed {
  const prefix = `stellarindex_${server}`;
  const isOwn = (event: { readonly server: ServerName }): boolean => event.server === server;
  const registers = [registry];
  // Counted here and moved to the registry on each scrape: looking up labels is expensive next to a cached answer.
  const tallies = new Map<string, Tally[]>();
  new Counter({
    name: `${prefix}_requests_total`,
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
    name: `${prefix}_request_duration_seconds`,
    help: "Duration of requests, by route pattern",
    labelNames: ["route"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const failures = new Counter({
    name: `${prefix}_request_failures_total`,
    help: "Requests that failed with an unexpected error",
    registers,
  });
  const inFlight = new Gauge({
    name: `${prefix}_in_flight`,
    help: "Requests in progress, including those that timed out and whose work still runs",
    registers,
  });
  const shed = new Counter({
    name: `${prefix}_requests_shed_total`,
    help: "Requests refused because too many were in progress",
    registers,
  });
  const rateLimited = new Counter({
    name: `${prefix}_rate_limited_total`,
    help: "Requests refused because their client exceeded its rate limit",
    registers,
  });
  const timeouts = new Counter({
    name: `${prefix}_request_timeouts_total`,
    help: "Requests that timed out",
    registers,
  });
  const subscriptions = [
    requestDone.subscribe((event) => {
      if (!isOwn(event)) return;
      const { route, method, status, seconds } = event;
      countRequest(tallies, route, method, status);
      durations.observe({ route }, seconds);
    }),
    requestFailed.subscribe((event) => isOwn(event) && failures.inc()),
    requestsInFlight.subscribe((event) => isOwn(event) && inFlight.set(event.count)),
    requestShed.subscribe((event) => isOwn(event) && shed.inc()),
    requestRateLimited.subscribe((event) => isOwn(event) && rateLimited.inc()),
    requestTimedOut.subscribe((event) => isOwn(event) && timeouts.inc()),
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
