import { configuredPolicy } from "./configured-policy.ts";
import { publishedPairs } from "./published-pairs.ts";
import type { Config } from "./schema.ts";

/** Returns what is configured for a backfill: what it computes where nothing else is asked for, and how. */
export function backfillSettings(config: Config) {
  const { aggregate } = config;
  const policy = configuredPolicy(config);
  const grid = {
    bucketSeconds: aggregate.bucket_seconds,
    intervalSeconds: aggregate.interval_seconds,
    settleSeconds: aggregate.settle_seconds,
  };
  return {
    policy,
    defaults: { pairs: publishedPairs(config), windows: aggregate.windows, grid, policy },
    limits: {
      concurrency: aggregate.concurrency,
      maxTrades: aggregate.max_trades_per_window,
      settleSeconds: aggregate.settle_seconds,
    },
  };
}
