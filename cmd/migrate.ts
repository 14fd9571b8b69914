import type { Command } from "commander";
import { formatTime } from "../internal/canonical/time.ts";
import { reportUncleanShutdown } from "../internal/daemon/migrated-database.ts";
import { openDatabase } from "../internal/storage/open-database.ts";
import { migrateDown, migrateUp, migrationStatus } from "../internal/storage/schema/migrate.ts";
import { loadConfigOf, namedDatabase, requireExisting } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Adds `migrate up|down|status`. */
export function addMigrateCommand(program: Command): void {
  const migrate = program.command("migrate").description("migrate the database schema up or down");
  migrate
    .command("up")
    .description("apply the missing migrations, and set up TimescaleDB where it is available")
    .action(async (_options: unknown, command: Command) => {
      const settings = namedDatabase(loadConfigOf(command));
      const database = await openDatabase(settings, { onUncleanShutdown: reportUncleanShutdown });
      try {
        await migrateUp(database, { ...settings, log: print });
        print("the database is up to date");
      } finally {
        await database.close();
      }
    });
  migrate
    .command("down")
    .description("revert the last migration; the data in its tables is lost")
    .option("--to <version>", "revert down to this version; 0 reverts all")
    .requiredOption("--yes", "confirm that data may be lost")
    .action(async ({ to }: { to?: string }, command: Command) => {
      if (to !== undefined && !/^\d+$/.test(to)) throw new UsageError("--to is a version number, such as 0 or 1");
      const settings = requireExisting(namedDatabase(loadConfigOf(command)));
      const database = await openDatabase(settings, { onUncleanShutdown: reportUncleanShutdown });
      try {
        await migrateDown(database, print, to === undefined ? undefined : Number(to));
      } finally {
        await database.close();
      }
    });
  migrate
    .command("status")
    .description("list the migrations and when each was applied")
    .action(async (_options: unknown, command: Command) => {
      const settings = requireExisting(namedDatabase(loadConfigOf(command)));
      const database = await openDatabase(settings, { onUncleanShutdown: reportUncleanShutdown });
      try {
        for (const { version, name, appliedAt } of await migrationStatus(database)) {
          print(
            `${String(version).padStart(3, "0")}  ${name.padEnd(20)}  ${appliedAt === null ? "not applied" : formatTime(appliedAt)}`,
          );
        }
      } finally {
        await database.close();
      }
    });
}
