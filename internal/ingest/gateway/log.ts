import { CircuitOpen } from "../../lib/circuit-breaker.ts";
import { stopwatch } from "../../lib/clock.ts";
import { makeLogDeduplicator } from "../../lib/log-deduplication.ts";
import type { Logger } from "../../obs/logger.ts";
import {
  drainFailed,
  eventAnswered,
  journalDrained,
  quarantined,
  rowsAnswered,
  upkeepFailed,
  writeRefused,
} from "./events.ts";

/**
 * Logs the events of the gateway until `stop`: one line per request at debug; repeated failures of a kind once a minute,
 * with their count.
 */
export function logGatewayEvents(log: Logger, clock: () => number = stopwatch): { stop: () => void } {
  const repeats = makeLogDeduplicator(clock);
  const subscriptions = [
    rowsAnswered.subscribe(({ counts }) => log.debug(counts, "rows")),
    eventAnswered.subscribe(({ status }) => log.debug({ status }, "event")),
    writeRefused.subscribe(({ reason, error }) =>
      repeats.log(`refused ${reason}`, (repeated) =>
        log.error(
          { reason, error: error.message, ...repeated },
          "refused what was sent: neither database nor journal takes it",
        ),
      ),
    ),
    journalDrained.subscribe(({ records }) => log.debug({ records }, "journal drained")),
    drainFailed.subscribe(({ error, retryMs }) => {
      const line = { reason: error.message, retry_ms: retryMs };
      // An open circuit is logged when it opens.
      if (error instanceof CircuitOpen) log.debug(line, "the journal waits for the database");
      else repeats.log(`drain ${error.message}`, (repeated) => log.warn({ ...line, ...repeated }, "the journal waits"));
    }),
    quarantined.subscribe(({ kind, error }) => {
      if (error === null) log.debug({ kind }, "kept in quarantine");
      else {
        repeats.log("quarantine", (repeated) =>
          log.warn({ kind, reason: error.message, ...repeated }, "a body that cannot be read could not be kept"),
        );
      }
    }),
    upkeepFailed.subscribe(({ error }) =>
      repeats.log("upkeep", (repeated) =>
        log.warn({ reason: error.message, ...repeated }, "the quarantine could not be counted"),
      ),
    ),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
