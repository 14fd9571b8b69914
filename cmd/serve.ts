import type { ApiContext } from "../internal/api/context.ts";
import { withFront } from "../internal/api/front/front.ts";
import { makeRateLimiter, WINDOW_SECONDS } from "../internal/api/front/rate-limit.ts";
import { createApi } from "../internal/api/v1/api.ts";
import { openSharedCounts } from "../internal/cache/shared-counts.ts";
import type { Config } from "../internal/config/schema.ts";
import { type Listening, listen } from "../internal/obs/ops-server.ts";

/** Listens with the API at `[api] listen`, for those it answers to under this configuration. */
export async function serveApi({ api, redis }: Config, context: ApiContext): Promise<Listening> {
  const { stopwatch } = context;
  const isLimited = [api, ...api.keys].some(({ rate_limit_per_minute = 0 }) => rate_limit_per_minute > 0);
  const shared = isLimited && redis.url !== "memory:" ? await openSharedCounts(redis, WINDOW_SECONDS) : null;
  const served = withFront(
    createApi(context),
    {
      keys: api.keys,
      rateLimitPerMinute: api.rate_limit_per_minute,
      trustedProxies: api.trusted_proxies,
      corsOrigins: api.cors_origins,
    },
    { limiter: makeRateLimiter(stopwatch, shared), stopwatch },
  );
  const closeShared = async (): Promise<void> => shared?.close();
  try {
    const listening = await listen(served, api.listen, { requestTimeoutSeconds: api.request_timeout_seconds });
    return { ...listening, close: () => listening.close().finally(closeShared) };
  } catch (error) {
    await closeShared();
    throw error;
  }
}
