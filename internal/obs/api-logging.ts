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
import { stopwatch } from "./clock.ts";
import type { Logger } from "./logging.ts";
import { makeRepeats } from "./repeats.ts";

/**
 * One line per request at debug; failures and oddities as they come, those of a kind once a minute with their count. Until
 * `stop`.
 */
export function logApiEvents(log: Logger, clock: () => number = stopwatch): { stop: () => void } {
  const repeats = makeRepeats(clock);
  const subscriptions = [
    requestDone.subscribe((request) => log.debug(request, "request")),
    requestFailed.subscribe(({ route, error }) =>
      repeats.log(`failed ${route} ${error.message}`, (repeated) =>
        log.error({ route, err: error, ...repeated }, "request failed"),
      ),
    ),
    backendUnreachable.subscribe(({ backend, error }) => {
      const line = { backend, reason: error.message };
      // That it is left alone is told once; each request may meet it.
      if (error instanceof CircuitOpen) log.debug(line, "no answer");
      else repeats.log(`${backend} ${error.message}`, (repeated) => log.warn({ ...line, ...repeated }, "no answer"));
    }),
    requestTimedOut.subscribe(({ route, error: { message: reason } }) =>
      repeats.log(`timed out ${route} ${reason}`, (repeated) =>
        log.warn({ route, reason, ...repeated }, "request timed out"),
      ),
    ),
    rateLimitsShared.subscribe(({ isShared, error }) => {
      if (isShared) log.info("rate limits are counted in Redis, with other API processes");
      else log.warn({ reason: error?.message }, "rate limits are counted in this process alone");
    }),
    storedValueRefused.subscribe((refused) =>
      repeats.log(`refused ${refused.key} ${refused.reason}`, (repeated) =>
        log.warn({ ...refused, ...repeated }, "stored value set aside"),
      ),
    ),
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
