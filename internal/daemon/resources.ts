import { openStore } from "../cache/open-store.ts";
import type { PriceStore } from "../cache/store.ts";
import type { Config } from "../config/schema.ts";
import type { CircuitOptions } from "../lib/circuit-breaker.ts";
import { stopwatch, systemClock } from "../lib/clock.ts";
import { keepProbing } from "../lib/probe.ts";
import { type ConnectionOptions, type Database, pingDatabase } from "../storage/connection/database.ts";
import { circuitChanged, type Dependency, databaseAnswered } from "./events.ts";
import { openMigratedDatabase } from "./migrated-database.ts";

/** The database and the price store that a daemon works with. */
export interface Resources {
  readonly database: Database;
  readonly store: PriceStore;
}

/**
 * Opens the configured store and database, runs `use`, and closes both afterwards, also after an error.
 * @param options see {@link daemonConnectionOptions}
 * @throws DatabaseUnusable with the fix; any error of `use`
 */
export async function withResources<T>(
  config: Config,
  options: ConnectionOptions,
  use: (resources: Resources) => Promise<T>,
): Promise<T> {
  const store = openStore(config.redis, { now: systemClock.now, circuit: circuitOptions("redis", config.redis) });
  try {
    const database = await openMigratedDatabase(config.database, options);
    try {
      return await use({ database, store });
    } finally {
      await database.close();
    }
  } finally {
    await store.close();
  }
}

/** Returns the options of a dependency's circuit breaker; its state changes are published as events. */
export function circuitOptions(
  dependency: Dependency,
  { breaker_failures, breaker_cooldown_seconds }: { breaker_failures: number; breaker_cooldown_seconds: number },
): CircuitOptions {
  return {
    failures: breaker_failures,
    cooldownSeconds: breaker_cooldown_seconds,
    stopwatch,
    onChange: (state, reason) => circuitChanged.publish({ dependency, state, reason: reason?.message ?? null }),
  };
}

/** Returns a daemon's timeouts and circuit breaker for the database; which server answers is published as an event. */
export function daemonConnectionOptions(
  { database }: Pick<Config, "database">,
  queryTimeoutSeconds = database.query_timeout_seconds,
): ConnectionOptions {
  return {
    queryTimeoutSeconds,
    circuit: circuitOptions("database", database),
    onAnswer: (position) => databaseAnswered.publish({ position }),
  };
}

/** Pings the database without waiting; the result is published as an event. */
export function pingInBackground(database: Database): void {
  pingDatabase(database).catch(() => {});
}

/**
 * Pings the database and Redis on a timer until `stop`, so that their circuits open and close without other traffic.
 */
export function probeCircuits(
  config: Config,
  { database, store }: Resources,
): readonly { readonly stop: () => void }[] {
  return [
    keepProbing(database.breaker, config.database.breaker_cooldown_seconds, () => pingDatabase(database)),
    keepProbing(store.breaker, config.redis.breaker_cooldown_seconds, () => store.ping()),
  ];
}
