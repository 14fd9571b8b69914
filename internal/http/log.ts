import { CircuitOpen } from "../lib/circuit-breaker.ts";
import { stopwatch } from "../lib/clock.ts";
import { makeLogDeduplicator } from "../lib/log-deduplication.ts";
import type { Logger } from "../obs/logger.ts";
import { backendUnreachable, requestDone, requestFailed, requestTimedOut } from "./events.ts";

/**
 * Logs the requests of this process's servers until `stop`: one line per request at debug; repeated failures of a kind
 * once a minute, with their count.
 */
export function logRequests(log: Logger, clock: () => number = stopwatch): { stop: () => void } {
  const repeats = makeLogDeduplicator(clock);
  const subscriptions = [
    requestDone.subscribe((request) => log.debug(request, "request")),
    requestFailed.subscribe(({ route, error }) =>
      repeats.log(`failed ${route} ${error.message}`, (repeated) =>
        log.error({ route, err: error, ...repeated }, "request failed"),
      ),
    ),
    backendUnreachable.subscribe(({ backend, error }) => {
      const line = { backend, reason: error.message };
      // An open circuit is logged when it opens, not for each request that it refuses.
      if (error instanceof CircuitOpen) log.debug(line, "no answer");
      else repeats.log(`${backend} ${error.message}`, (repeated) => log.warn({ ...line, ...repeated }, "no answer"));
    }),
    requestTimedOut.subscribe(({ route, error: { message: reason } }) =>
      repeats.log(`timed out ${route} ${reason}`, (repeated) =>
        log.warn({ route, reason, ...repeated }, "request timed out"),
      ),
    ),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
