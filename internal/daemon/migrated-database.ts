import type { Config } from "../config/schema.ts";
import type { ConnectionOptions, Database } from "../storage/connection/database.ts";
import { openDatabase } from "../storage/open-database.ts";
import { refuseForeignObjects } from "../storage/schema/foreign-objects.ts";
import { migrateUp, requireMigrated } from "../storage/schema/migrate.ts";

// Apart from the price store: most commands need no Redis client, which takes time to load.

/** Reports an embedded database that did not shut down cleanly, and makes the command fail. */
export function reportUncleanShutdown(reason: string): void {
  process.stderr.write(`stellarindex: ${reason}\n`);
  process.exitCode = 1;
}

/**
 * Opens the configured database. An embedded one is migrated; a server must have been migrated already. If the embedded
 * database ends unexpectedly, this process exits with status 1.
 * @param options timeouts and circuit breaker; without it, queries have no timeout
 * @throws DatabaseUnusable with the fix
 */
export async function openMigratedDatabase(
  settings: Config["database"],
  options: ConnectionOptions = {},
): Promise<Database> {
  const onLost = (reason: string): void => {
    // Nothing works without it; a supervisor restarts this process, and with it the database.
    process.stderr.write(`stellarindex: ${reason}\n`);
    process.exit(1);
  };
  const database = await openDatabase(settings, { ...options, onLost, onUncleanShutdown: reportUncleanShutdown });
  try {
    if (database.engine === "embedded") await migrateUp(database, { ...settings, log: () => {} });
    else {
      await requireMigrated(database);
      await refuseForeignObjects(database);
    }
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}
