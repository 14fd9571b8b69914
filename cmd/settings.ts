import { resolve } from "node:path";
import type { Command } from "commander";
import { type LoadedConfig, loadConfig } from "../internal/config/load.ts";
import type { Config } from "../internal/config/schema.ts";
import { directoryOf, isTaken } from "../internal/storage/embedded/database-directory.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Loads the configuration that `--config` or STELLARINDEX_CONFIG names. Writes the warnings about ignored variables to
 * standard error, and no others.
 * @throws ConfigError
 */
export function loadConfigOf(command: Command): LoadedConfig {
  const loaded = readConfigOf(command);
  warn(loaded.ignored);
  return loaded;
}

/** {@link loadConfigOf} with all warnings, for daemons and commands that check the configuration. */
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
 * Returns the database settings of a deployment, which must be configured. With the default, an embedded database in
 * the working directory, a command whose variable is unset would work on a new and empty database.
 * @throws UsageError where no database is configured
 */
export function namedDatabase({ config, origins, file }: LoadedConfig): Config["database"] {
  if (origins.get("database.url")?.from !== "default") return config.database;
  const place = file === null ? "there is no configuration file" : `${file} has no [database] url`;
  throw new UsageError(
    `no database is configured: ${place}, and STELLARINDEX_DATABASE_URL is not set; set one of them ` +
      `(to ${config.database.url} for the embedded database in this directory)`,
  );
}

/**
 * Returns the default database settings without a configuration file; with one, those of {@link namedDatabase}.
 * @throws UsageError where a file configures no database
 */
export function databaseOf(loaded: LoadedConfig): Config["database"] {
  return loaded.file === null ? loaded.config.database : namedDatabase(loaded);
}

/**
 * Refuses an embedded database that does not exist, for commands that read, check or remove data: with a directory that
 * is mistyped, moved or not mounted, they would work on a new and empty database.
 * @throws UsageError where the directory contains no embedded database
 */
export function requireExisting(settings: Config["database"]): Config["database"] {
  const directory = directoryOf(settings.url);
  if (directory === null || isTaken(directory)) return settings;
  throw new UsageError(
    `there is no embedded database in ${resolve(directory)}; set [database] url or STELLARINDEX_DATABASE_URL to the ` +
      "directory of one, or create one with stellarindex import or start --data",
  );
}
