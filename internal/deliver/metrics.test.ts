import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { feedArchiveMetrics } from "./archive/metrics.ts";
import { deliverFailed } from "./events.ts";
import { feedDeliverMetrics } from "./metrics.ts";

it("failures of calls count by what they were for, those of the archive apart", async () => {
  const registry = new Registry();
  const feeds = [feedDeliverMetrics(registry), feedArchiveMetrics(registry)];
  const calls = () => registry.getSingleMetricAsString("stellarindex_deliver_failed_calls_total");
  expect(await calls()).toContain('{call="watch"} 0');
  for (const call of ["watch", "watch", "archive"] as const) deliverFailed.publish({ call, error: new Error("no") });
  for (const feed of feeds) feed.stop();
  expect(await calls()).toContain('{call="watch"} 2');
  expect(await calls()).not.toContain("archive");
  expect(await registry.getSingleMetricAsString("stellarindex_deliver_archive_failures_total")).toMatch(/ 1$/);
});
