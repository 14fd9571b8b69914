import { expect, it } from "vitest";
import { load } from "./config.testing.ts";
import { relaxedKeys } from "./relaxed-limits.ts";

const KEY = `[[api.keys]]\nname = "a"\nhash = "sha256:${"0".repeat(64)}"`;

it.each<[key: string, stricter: string, looser: string]>([
  ["api.require_key", "true", "false"],
  ["api.rate_limit_per_minute", "60", "0"],
  ["aggregate.disable_class_filter", "false", "true"],
  ["aggregate.min_usd_volume", "1_000_000", "10_000"],
  ["aggregate.min_usd_volume", "1", "0"],
  ["aggregate.min_usd_volume_unknown", '"refuse"', '"publish"'],
  ["aggregate.min_sources", "3", "2"],
  ["aggregate.outlier_sigma_threshold", "4", "5"],
  ["aggregate.outlier_sigma_threshold", "4", "0"],
  ["aggregate.outlier_max_dropped_share", "0.5", "1"],
  ["aggregate.venue_deviation_pct", "10", "0"],
  ["aggregate.max_source_share", "0.5", "0.6"],
  ["aggregate.guard_factor", "2", "0"],
  ["aggregate.guard_confirmations", "2", "1"],
  ["aggregate.peg_tolerance_pct", "2", "3"],
  ["aggregate.route_deviation_pct", "10", "0"],
])("%s from %s to %s is less strict, and the reverse is not", (key, stricter, looser) => {
  const [table = "", name] = key.split(".");
  const [strict, loose] = [stricter, looser].map((value) => load(`[${table}]\n${name} = ${value}\n${KEY}`).config);
  if (strict === undefined || loose === undefined) throw new Error("unreachable");
  expect(relaxedKeys(strict, loose).map((relaxed) => relaxed.key)).toEqual([key]);
  expect(relaxedKeys(loose, strict)).toEqual([]);
  expect(relaxedKeys(strict, strict)).toEqual([]);
});

it("a higher rate limit does not count as less strict", () => {
  const [low, high] = [60, 600].map((limit) => load(`[api]\nrate_limit_per_minute = ${limit}`).config);
  if (low === undefined || high === undefined) throw new Error("unreachable");
  expect(relaxedKeys(low, high)).toEqual([]);
});
