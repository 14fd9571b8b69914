import { rateLimitsShared } from "../http/events.ts";
import { stopwatch } from "../lib/clock.ts";
import { makeLogDeduplicator } from "../lib/log-deduplication.ts";
import type { Logger } from "../obs/logger.ts";
import { coverageUnknown, foreignPolicy, storedValueRefused, storeFollowed } from "./events.ts";

/**
 * Logs the API's events until `stop`; repeated ones of a kind once a minute,
 * with their count.
 */
export function logApiEvents(log: Logger, clock: () => number = stopwatch): { stop: () => void } {
  const repeats = makeLogDeduplicator(clock);
  const subscriptions = [
    rateLimitsShared.subscribe(({ isShared, error }) => {
      if (isShared) log.info("rate limits are shared through Redis");
      else log.warn({ reason: error?.message }, "rate limits are counted in this process alone");
    }),
    storedValueRefused.subscribe((refused) =>
      repeats.log(`refused ${refused.key} ${refused.reason}`, (repeated) =>
        log.warn({ ...refused, ...repeated }, "stored value rejected"),
      ),
    ),
    coverageUnknown.subscribe(({ error }) =>
      repeats.log(`coverage ${error.message}`, (repeated) => {
        const line = { reason: error.message, ...repeated };
        log.warn(line, "what collected feeds lack cannot be read: no answer is marked as incomplete");
      }),
    ),
    foreignPolicy.subscribe((served) => log.warn(served, "serving values of another policy")),
    storeFollowed.subscribe(({ isFollowing }) => {
      if (isFollowing) log.info("subscribed to the store: values are answered from copies");
      else log.warn("not subscribed to the store: each value is read from it");
    }),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
