import { formatPair } from "../canonical/pair.ts";
import { formatTime } from "../canonical/time.ts";
import { stopwatch } from "../lib/clock.ts";
import { makeLogDeduplicator } from "../lib/log-deduplication.ts";
import type { Logger } from "../obs/logger.ts";
import {
  leasesChanged,
  stageDone,
  targetDone,
  tickDone,
  ticksSkipped,
  triangulationDone,
  unknownSource,
  valuesWritten,
} from "./events.ts";

/**
 * Logs one line per tick at info, and per target and stage at debug. Failures and warnings are logged as they occur;
 * repeated target failures once a minute with their count. Ends with `stop`.
 */
export function logAggregatorEvents(log: Logger, clock: () => number = stopwatch): { stop: () => void } {
  const repeats = makeLogDeduplicator(clock);
  const subscriptions = [
    tickDone.subscribe(({ to, targets, counts, abandoned, lost, durationSeconds, error }) => {
      const line = { to: formatTime(to), targets, ...counts, abandoned, lost, seconds: round(durationSeconds) };
      if (error !== null) log.error({ ...line, reason: error.message }, "tick failed");
      else if (counts.error > 0) log.warn(line, "tick with failures");
      else log.info(line, "tick");
    }),
    targetDone.subscribe(({ pair, windowSeconds, to, outcome, value, error }) => {
      const target = { pair: formatPair(pair), window_seconds: windowSeconds, to: formatTime(to) };
      if (error !== null) {
        const { name, message: reason } = error;
        repeats.log(`${name} ${reason}`, (repeated) => log.error({ ...target, reason, ...repeated }, "target failed"));
      } else log.debug({ ...target, outcome, price: value?.price, trades: value?.trade_count }, "target");
    }),
    stageDone.subscribe(({ pair, windowSeconds, to, stage, trades, dropped, seconds, outliers }) => {
      if (!log.isLevelEnabled("debug")) return;
      log.debug(
        {
          pair: formatPair(pair),
          window_seconds: windowSeconds,
          to: formatTime(to),
          stage,
          trades,
          dropped,
          seconds: round(seconds),
          outliers: outliers.map(({ source, tradeId, price }) => ({
            source,
            trade_id: tradeId,
            price: price.toFixed(),
          })),
        },
        "stage",
      );
    }),
    triangulationDone.subscribe(({ pair, windowSeconds, to, outcome, leg, fxFallbacks }) => {
      const target = { pair: formatPair(pair), window_seconds: windowSeconds, to: formatTime(to) };
      log.debug({ ...target, outcome, leg, fx_fallbacks: fxFallbacks }, "triangulation");
    }),
    valuesWritten.subscribe(({ to, seconds, lagSeconds, ...counts }) => {
      log.debug({ to: formatTime(to), ...counts, seconds: round(seconds), lag_seconds: round(lagSeconds) }, "written");
    }),
    leasesChanged.subscribe(({ to, members, taken, handedOn, lost }) => {
      const line = {
        to: formatTime(to),
        replicas: members,
        pairs_taken: taken,
        pairs_handed_on: handedOn,
        pairs_lost: lost,
      };
      if (lost > 0)
        log.warn(
          line,
          "leases lost during the tick, as after a suspended process; the values of these pairs are not written",
        );
      else if (taken + handedOn > 0) log.info(line, "leases changed");
    }),
    ticksSkipped.subscribe(({ count, to }) =>
      log.warn({ count, to: formatTime(to) }, "ticks skipped: the previous tick took longer than the interval"),
    ),
    unknownSource.subscribe(({ source, pair }) => {
      log.warn(
        { source, pair: formatPair(pair) },
        "source is not in the registry and its trades are excluded; add it under [[sources]]",
      );
    }),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
