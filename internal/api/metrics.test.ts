import { afterEach, expect, test } from "vitest";
import { requestDone } from "../http/events.ts";
import { createRegistry, type MetricsFeed } from "../obs/registry.ts";
import { storeFollowed } from "./events.ts";
import { feedApiMetrics } from "./metrics.ts";

let feed: MetricsFeed | undefined;
afterEach(() => feed?.stop());

test("requests are counted by route, method and status, and reading the metrics does not change them", async () => {
  const registry = createRegistry();
  feed = feedApiMetrics(registry);
  const answer = (route: string, method: string, status: number, times: number) => {
    for (let done = 0; done < times; done++)
      requestDone.publish({ server: "api", route, method, status, seconds: 0.002, key: null });
  };
  const counted = async () =>
    (await registry.metrics())
      .split("\n")
      .filter((line) => /^stellarindex_api_request(s_total|_duration_seconds_count)\{/.test(line))
      .toSorted();
  expect(await counted()).toEqual([]);
  answer("/v1/vwap", "GET", 200, 3);
  answer("/v1/vwap", "GET", 304, 1);
  answer("/v1/vwap", "HEAD", 200, 2);
  answer("unmatched", "GET", 404, 1);
  await counted();
  answer("/v1/vwap", "GET", 200, 2);
  expect(await counted()).toEqual([
    'stellarindex_api_request_duration_seconds_count{route="/v1/vwap"} 8',
    'stellarindex_api_request_duration_seconds_count{route="unmatched"} 1',
    'stellarindex_api_requests_total{route="/v1/vwap",method="GET",status="200"} 5',
    'stellarindex_api_requests_total{route="/v1/vwap",method="GET",status="304"} 1',
    'stellarindex_api_requests_total{route="/v1/vwap",method="HEAD",status="200"} 2',
    'stellarindex_api_requests_total{route="unmatched",method="GET",status="404"} 1',
  ]);
});

test("the gauge of the store's subscription is 0 or 1", async () => {
  const registry = createRegistry();
  feed = feedApiMetrics(registry);
  const shown = async () => /^stellarindex_api_store_followed (.*)$/m.exec(await registry.metrics())?.[1];
  const seen = [await shown()];
  for (const isFollowing of [true, false]) {
    storeFollowed.publish({ isFollowing });
    seen.push(await shown());
  }
  expect(seen).toEqual(["0", "1", "0"]);
});
