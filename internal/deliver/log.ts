import { stopwatch } from "../lib/clock.ts";
import { makeLogDeduplicator } from "../lib/log-deduplication.ts";
import type { Logger } from "../obs/logger.ts";
import {
  attemptEnded,
  deliverFailed,
  deliveriesCounted,
  destinationDown,
  destinationGone,
  destinationsConfigured,
  eventsArchived,
} from "./events.ts";

const UNCONFIGURED =
  "no [[deliveries]] of this daemon has this name: add it again, or pause it and cancel its jobs (docs/deliveries.md)";

/**
 * Logs deliveries until `stop`: each attempt at debug; repeated failures of a kind once a minute, with their count.
 */
export function logDeliverEvents(log: Logger, clock: () => number = stopwatch): { readonly stop: () => void } {
  const repeats = makeLogDeduplicator(clock);
  let configured: readonly string[] = [];
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
    destinationsConfigured.subscribe(({ destinations }) => {
      configured = destinations;
    }),
    deliveriesCounted.subscribe(({ counts }) => {
      for (const { destination, pending, isPaused } of counts) {
        if (pending === 0 || isPaused || configured.includes(destination)) continue;
        repeats.log(`unconfigured ${destination}`, () =>
          log.warn({ destination, pending, hint: UNCONFIGURED }, "nobody delivers"),
        );
      }
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
