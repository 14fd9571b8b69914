import type { Command } from "commander";
import type { PriceStore } from "../internal/cache/store.ts";
import { type LoadedConfig, loadConfig } from "../internal/config/load.ts";
import type { Config } from "../internal/config/schema.ts";
import { circuitChanged, type Dependency } from "../internal/obs/circuit-events.ts";
import { stopwatch } from "../internal/obs/clock.ts";
import { databaseAnswered } from "../internal/obs/database-events.ts";
import type { CircuitOptions } from "../internal/resilience/guard.ts";
import { keepProbing } from "../internal/resilience/probe.ts";
import { type Database, openDatabase, type Patience, pingDatabase } from "../internal/storage/database.ts";
import { refuseIntruders } from "../internal/storage/intruders.ts";
import { migrateUp, requireMigrated } from "../internal/storage/migrate.ts";
import { UsageError } from "./usage-error.ts";

/**
 * The configuration that `--config` or STELLARINDEX_CONFIG names. Of its warnings, those of variables that are ignored go to
 * standard error.
 * @throws ConfigError
 */
export function loadConfigOf(command: Command): LoadedConfig {
  const loaded = readConfigOf(command);
  warn(loaded.ignored);
  return loaded;
}

/** {@link loadConfigOf} for what runs a deployment or judges its configuration: all warnings go to standard error. */
export function loadConfigWithWarnings(command: Command): LoadedConfig {
  const loaded = readConfigOf(command);
  warn(loaded.warnings);
  return loaded;
}

function readConfigOf(command: Command): LoadedConfig {
  return loadConfig({ file: command.optsWithGlobals<{ config?: string }>().config, env: process.env });
}

function warn(warnings: readonly string[]): void {
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
}

/**
 * The database of a deployment. The default, an embedded one in the working directory, is there to try things: where a
 * variable is unset, a command that changes or judges a deployment would do so to a new and empty database.
 * @throws UsageError where no database is named
 */
export function namedDatabase({ config, origins, file }: LoadedConfig): Config["database"] {
  if (origins.get("database.url")?.from !== "default") return config.database;
  const place = file === null ? "there is no configuration file" : `${file} has no [database] url`;
  throw new UsageError(
    `no database is named: ${place}, and STELLARINDEX_DATABASE_URL is not set; name it in either ` +
      `(${config.database.url} where the embedded one in this directory is meant)`,
  );
}

/**
 * The database to try things with where nothing is configured; with a file, that of a deployment, see `namedDatabase`.
 * @throws UsageError where a file names no database
 */
export function databaseOf(loaded: LoadedConfig): Config["database"] {
  return loaded.file === null ? loaded.config.database : namedDatabase(loaded);
}

/** How the circuit around a dependency behaves under this configuration; what becomes of it is published. */
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

/** What a daemon puts up with from the database; which server answers is published. */
export function daemonPatience(
  { database }: Pick<Config, "database">,
  queryTimeoutSeconds = database.query_timeout_seconds,
): Patience {
  return {
    queryTimeoutSeconds,
    circuit: circuitOptions("database", database),
    onAnswer: (position) => databaseAnswered.publish({ position }),
  };
}

/** Asks for a sign of life that nobody waits for; what comes of it is published. */
export function askDatabase(database: Database): void {
  pingDatabase(database).catch(() => {});
}

/** Notices that the database or Redis is away, or back, although nobody asks for it. */
export function probeCircuits(
  config: Config,
  database: Database,
  store: PriceStore,
): readonly { readonly stop: () => void }[] {
  return [
    keepProbing(database.guard, config.database.breaker_cooldown_seconds, () => pingDatabase(database)),
    keepProbing(store.guard, config.redis.breaker_cooldown_seconds, () => store.ping()),
  ];
}

/**
 * Opens the configured database, migrated: the embedded one is migrated on the way, a server's must be already.
 * Where the embedded one ends by itself, so does this process, with status 1.
 * @param patience of daemons: how long a query may take, and when the database is left alone
 * @throws DatabaseUnusable with the cure
 */
export async function openMigratedDatabase(settings: Config["database"], patience: Patience = {}): Promise<Database> {
  const onLost = (reason: string): void => {
    // Nothing here can go on without it, and a supervisor starts anew with a new one.
    process.stderr.write(`stellarindex: ${reason}\n`);
    process.exit(1);
  };
  const database = await openDatabase(settings, { ...patience, onLost });
  try {
    if (database.engine === "embedded") await migrateUp(database, { ...settings, log: () => {} });
    else {
      await requireMigrated(database);
      await refuseIntruders(database);
    }
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}
