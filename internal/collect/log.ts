import { makeLogDeduplicator } from "../lib/log-deduplication.ts";
import type { Logger } from "../obs/logger.ts";
import { collectorFailed, connected, disconnected, gapFound, gapLost, marketRefused, messageUnread } from "./events.ts";

/**
 * Logs what collectors of this process do; what repeats is logged once a minute. Ends with `stop`.
 * @param clock seconds on a monotonic clock
 */
export function logCollectorEvents(log: Logger, clock: () => number): { readonly stop: () => void } {
  const repeats = makeLogDeduplicator(clock);
  const subscriptions = [
    connected.subscribe(({ source, feeds }) => log.info({ source, feeds }, "collecting")),
    disconnected.subscribe(({ source, feeds, reason, wasLive, retrySeconds }) => {
      repeats.log(`${source} ${feeds[0]} ${reason}`, (repeated) => {
        const line = { source, feeds, reason, retry_seconds: Number(retrySeconds.toFixed(1)), ...repeated };
        log.warn(line, wasLive ? "the connection to the venue ended" : "the venue cannot be reached");
      });
    }),
    messageUnread.subscribe(({ source, reason }) => {
      repeats.log(`${source} ${reason}`, (repeated) => {
        log.warn({ source, reason, ...repeated }, "a message could not be understood");
      });
    }),
    marketRefused.subscribe(({ source, feed, reason }) => {
      repeats.log(`refused ${feed}`, (repeated) => {
        log.error({ source, feed, reason, ...repeated }, "a market is not collected");
      });
    }),
    gapFound.subscribe(({ source, feed, from, to, job }) =>
      log.info({ source, feed, from, to, job }, "a gap gets a job"),
    ),
    gapLost.subscribe(({ source, feed, from, to }) =>
      log.warn({ source, feed, from, to }, "the venue has the trades of a gap no more; it stays open"),
    ),
    collectorFailed.subscribe(({ source, step, error }) => {
      repeats.log(`${source} ${step} ${error.message}`, (repeated) => {
        log.error(
          { source, step, reason: error.message, ...repeated },
          "a step of the collector failed; it is repeated",
        );
      });
    }),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
