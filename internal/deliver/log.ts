import { stopwatch } from "../lib/clock.ts";
import { makeLogDeduplicator } from "../lib/log-deduplication.ts";
import type { Logger } from "../obs/logger.ts";
import { attemptEnded, deliverFailed, destinationDown, destinationGone, eventsArchived } from "./events.ts";

/**
 * Logs deliveries until `stop`: each attempt at debug; repeated failures of a kind once a minute, with their count.
 */
export function logDeliverEvents(log: Logger, clock: () => number = stopwatch): { readonly stop: () => void } {
  const repeats = makeLogDeduplicator(clock);
  const subscriptions = [
    attemptEnded.subscribe(({ seconds, ...attempt }) => {
      const line = { ...attempt, seconds: Number(seconds.toFixed(3)) };
      log.debug(line, "attempt");
      if (attempt.outcome === "delivered" || attempt.outcome === "stopped") return;
      repeats.log(`attempt ${attempt.destination} ${attempt.outcome} ${attempt.reason}`, (repeated) =>
        log.warn({ ...line, ...repeated }, "not delivered"),
      );
    }),
    destinationDown.subscribe(({ destination, isDown }) => {
      if (isDown) log.warn({ destination }, "the destination does not answer; what waits for it is kept");
      else log.info({ destination }, "the destination answers again");
    }),
    destinationGone.subscribe(({ destination }) => {
      const hint = `resume it with: stellarindex control pauses resume source ${destination} --reason TEXT`;
      log.error({ destination, hint }, "the destination says that it is gone; it is paused");
    }),
    eventsArchived.subscribe((archived) => log.info(archived, "events archived")),
    deliverFailed.subscribe(({ call, error }) =>
      repeats.log(`${call} ${error.message}`, (repeated) =>
        log.warn(
          { call, reason: error.message, ...repeated },
          call === "archive" ? "old events stay in the database" : "deliveries wait for the database",
        ),
      ),
    ),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
