import { type Logger, type LoggerOptions, pino } from "pino";
import { formatPair } from "../canonical/pair.ts";
import { formatTime } from "../canonical/time.ts";
import { stopwatch } from "./clock.ts";
import {
  divergenceChecked,
  leasesChanged,
  stageDone,
  targetDone,
  tickDone,
  ticksSkipped,
  triangulationDone,
  unknownSource,
  valuesWritten,
} from "./events.ts";
import { referenceLog } from "./reference-log.ts";
import { makeRepeats } from "./repeats.ts";

export type { Logger };

/** Logs JSON lines to standard output (or the given stream), secrets redacted. */
export function createLogger(
  level: LoggerOptions["level"],
  name: string,
  destination: { write: (line: string) => void } = process.stdout,
): Logger {
  return pino(
    {
      name,
      level: level ?? "info",
      redact: { paths: ["url", "*.url", "password", "*.password"], censor: "***" },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}

/**
 * One line per tick at info, one per target and stage at debug; failures and oddities as they come, those of a kind once a
 * minute with their count. Until `stop`.
 */
export function logAggregatorEvents(log: Logger, clock: () => number = stopwatch): { stop: () => void } {
  const repeats = makeRepeats(clock);
  const tellReferences = referenceLog(log);
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
    divergenceChecked.subscribe(({ pair, outcome, divergence, failures }) => {
      const line = { pair: formatPair(pair), outcome, ...divergence, failures };
      if (divergence?.warning === true) log.warn(line, "price lies far from its references");
      else log.debug(line, "divergence");
      tellReferences({ pair, outcome, divergence, failures });
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
        log.warn(line, "pairs were taken over while this process stood still; their values are not written");
      else if (taken + handedOn > 0) log.info(line, "pairs change hands");
    }),
    ticksSkipped.subscribe(({ count, to }) =>
      log.warn({ count, to: formatTime(to) }, "ticks skipped: the last took too long"),
    ),
    unknownSource.subscribe(({ source, pair }) => {
      log.warn(
        { source, pair: formatPair(pair) },
        "source is not in the registry, its trades are left out; add it under [[sources]]",
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
