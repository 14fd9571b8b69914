import { Gauge, type Registry } from "prom-client";
import { databaseAnswered } from "./database-events.ts";
import type { Logger } from "./logging.ts";
import type { MetricsFeed } from "./metrics.ts";

/**
 * The metrics of the database that answers, which both daemons have.
 * @param ask asks it, so that something is known where nobody else does; the next scrape shows what came of it
 */
export function feedDatabaseMetrics(registry: Registry, ask: () => void = () => {}): MetricsFeed {
  const inRecovery = new Gauge({
    name: "stellarindex_database_in_recovery",
    help: "Whether the database that answered last is a standby: 0 the primary, 1 a standby",
    registers: [registry],
    collect: ask,
  });
  const lag = new Gauge({
    name: "stellarindex_database_replay_lag_seconds",
    help: "How far the database that answered last is behind its primary; 0 of the primary, and of a standby that has all there is",
    registers: [registry],
  });
  inRecovery.set(0);
  lag.set(0);
  return {
    stop: databaseAnswered.subscribe(({ position }) => {
      inRecovery.set(position === null ? 0 : 1);
      lag.set(position?.lagSeconds ?? 0);
    }),
  };
}

/** One line where a standby answers in place of the primary, one where the primary answers again. Until `stop`. */
export function logDatabaseEvents(log: Logger): { stop: () => void } {
  let wasStandby = false;
  return {
    stop: databaseAnswered.subscribe(({ position }) => {
      const isStandby = position !== null;
      if (isStandby === wasStandby) return;
      wasStandby = isStandby;
      if (isStandby) log.warn({ replay_lag_seconds: position.lagSeconds }, "the database that answers is a standby");
      else log.info("the database that answers is the primary");
    }),
  };
}
