import type { Command } from "commander";
import { type LoadedConfig, loadConfig } from "../internal/config/load.ts";
import type { Config } from "../internal/config/schema.ts";
import { type Database, openDatabase } from "../internal/storage/database.ts";
import { migrateUp, requireMigrated } from "../internal/storage/migrate.ts";

/**
 * The configuration that `--config` or STELLARINDEX_CONFIG names; warnings go to standard error.
 * @throws ConfigError
 */
export function loadConfigOf(command: Command): LoadedConfig {
  const loaded = loadConfig({ file: command.optsWithGlobals<{ config?: string }>().config, env: process.env });
  for (const warning of loaded.warnings) process.stderr.write(`warning: ${warning}\n`);
  return loaded;
}

/**
 * Opens the configured database, migrated: the embedded one is migrated on the way, a server's must be already.
 * Where the embedded one ends by itself, so does this process, with status 1.
 * @throws DatabaseUnusable with the cure
 */
export async function openMigratedDatabase(settings: Config["database"]): Promise<Database> {
  const database = await openDatabase(settings, (reason) => {
    // Nothing here can go on without it, and a supervisor starts anew with a new one.
    process.stderr.write(`stellarindex: ${reason}\n`);
    process.exit(1);
  });
  try {
    if (database.engine === "embedded") await migrateUp(database, { ...settings, log: () => {} });
    else await requireMigrated(database);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}
