import { CircuitOpen } from "../resilience/guard.ts";
import {
  backendUnreachable,
  foreignPolicy,
  rateLimitsShared,
  requestDone,
  requestFailed,
  requestTimedOut,
  storedValueRefused,
  storeFollowed,
} from "./api-events.ts";
import type { Logger } from "./logging.ts";

/** One line per request at debug; failures and oddities as they come. Until `stop`. */
export function logApiEvents(log: Logger): { stop: () => void } {
  const subscriptions = [
    requestDone.subscribe((request) => log.debug(request, "request")),
    requestFailed.subscribe(({ route, error }) => log.error({ route, err: error }, "request failed")),
    backendUnreachable.subscribe(({ backend, error }) => {
      const line = { backend, reason: error.message };
      // That it is left alone is told once; each request may meet it.
      if (error instanceof CircuitOpen) log.debug(line, "no answer");
      else log.warn(line, "no answer");
    }),
    requestTimedOut.subscribe(({ route, error }) => log.warn({ route, reason: error.message }, "request timed out")),
    rateLimitsShared.subscribe(({ isShared, error }) => {
      if (isShared) log.info("rate limits are counted in Redis, with other API processes");
      else log.warn({ reason: error?.message }, "rate limits are counted in this process alone");
    }),
    storedValueRefused.subscribe((refused) => log.warn(refused, "stored value set aside")),
    foreignPolicy.subscribe((served) => log.warn(served, "serving values of another policy than this API's own")),
    storeFollowed.subscribe(({ isFollowing }) => {
      if (isFollowing) log.info("following the store: values are answered from copies");
      else log.warn("not following the store: each value is read from it");
    }),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
