import { makePolicy } from "../internal/aggregate/policy.ts";
import type { ApiContext } from "../internal/api/context.ts";
import { type Served, withFront } from "../internal/api/front/front.ts";
import { makeRateLimiter, WINDOW_SECONDS } from "../internal/api/front/rate-limit.ts";
import { createApi } from "../internal/api/v1/api.ts";
import { makeLasting } from "../internal/api/v1/service.ts";
import { openSharedCounts } from "../internal/cache/shared-counts.ts";
import type { PriceStore } from "../internal/cache/store.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import { type Config, policySettings } from "../internal/config/schema.ts";
import { stopwatch, systemClock } from "../internal/obs/clock.ts";
import { type Listening, listen } from "../internal/obs/ops-server.ts";
import type { Database } from "../internal/storage/database.ts";

/** What the API answers from under this configuration. */
export function apiContext(config: Config, database: Database, store: PriceStore): ApiContext {
  const { aggregate, api } = config;
  return {
    database,
    store,
    policy: makePolicy(policySettings(config)),
    settings: {
      pairs: publishedPairs(config),
      windows: aggregate.windows,
      intervalSeconds: aggregate.interval_seconds,
      bucketSeconds: aggregate.bucket_seconds,
      settleSeconds: aggregate.settle_seconds,
      vwapWindowSeconds: aggregate.vwap_window_seconds,
      twapWindowSeconds: aggregate.twap_window_seconds,
      maxTrades: aggregate.max_trades_per_window,
      priceFreshnessSeconds: api.price_freshness_seconds,
      requestTimeoutSeconds: api.request_timeout_seconds,
      maxInFlight: api.max_in_flight,
      maxComputations: config.database.max_connections,
      keys: api.require_key ? "required" : api.keys.length > 0 ? "accepted" : "none",
    },
    now: systemClock.now,
    stopwatch,
  };
}

/** An API that listens. */
export interface ServedApi extends Listening {
  /** Answers the requests from now on under another configuration; the address and the database stay. */
  readonly follow: (config: Config) => void;
}

/** Listens with the API at `[api] listen`, for those it answers to under this configuration. */
export async function serveApi(config: Config, database: Database, store: PriceStore): Promise<ServedApi> {
  const { redis, api } = config;
  const shared = redis.url === "memory:" ? null : openSharedCounts(redis, WINDOW_SECONDS);
  const limiter = makeRateLimiter(stopwatch, shared);
  const lasting = makeLasting(apiContext(config, database, store));

  function servedUnder(next: Config): Served {
    const { keys, rate_limit_per_minute, trusted_proxies, cors_origins } = next.api;
    return withFront(
      createApi(apiContext(next, database, store), lasting),
      {
        keys,
        rateLimitPerMinute: rate_limit_per_minute,
        trustedProxies: trusted_proxies,
        corsOrigins: cors_origins,
      },
      { limiter, stopwatch },
    );
  }

  let served = servedUnder(config);
  const closeShared = async (): Promise<void> => shared?.close();
  try {
    const listening = await listen(
      { fetch: (request, env) => served.fetch(request, env), answerError: served.answerError },
      { ...api.listen, key: "api.listen" },
      { requestTimeoutSeconds: api.request_timeout_seconds },
    );
    return {
      ...listening,
      close: () => listening.close().finally(closeShared),
      follow: (next) => {
        served = servedUnder(next);
      },
    };
  } catch (error) {
    await closeShared();
    throw error;
  }
}
