import { Gauge, type Registry } from "prom-client";
import type { Logger } from "../obs/logger.ts";
import type { MetricsFeed } from "../obs/registry.ts";
import { databaseAnswered } from "./events.ts";

/**
 * Registers the metrics of the database that answers, which both daemons have.
 * @param ping pings it on each scrape, for databases without other traffic; the next scrape shows the result
 */
export function feedDatabaseMetrics(registry: Registry, ping: () => void = () => {}): MetricsFeed {
  const inRecovery = new Gauge({
    name: "stellarindex_database_in_recovery",
    help: "Role of the database that answered last: 0 primary, 1 standby",
    registers: [registry],
    collect: ping,
  });
  const lag = new Gauge({
    name: "stellarindex_database_replay_lag_seconds",
    help: "Replay lag of the database that answered last behind its primary; 0 for the primary and for a standby that is up to date",
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

/** Logs when a standby answers in place of the primary, and when the primary answers again, until `stop`. */
export function logDatabaseEvents(log: Logger): { stop: () => void } {
  let wasStandby = false;
  return {
    stop: databaseAnswered.subscribe(({ position }) => {
      const isStandby = position !== null;
      if (isStandby === wasStandby) return;
      wasStandby = isStandby;
      if (isStandby) log.warn({ replay_lag_seconds: position.lagSeconds }, "the database is a standby");
      else log.info("the database is the primary");
    }),
  };
}
