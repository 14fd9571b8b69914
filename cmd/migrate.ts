import type { Command } from "commander";
import { formatTime } from "../internal/canonical/time.ts";
import { openDatabase } from "../internal/storage/database.ts";
import { migrateDown, migrateUp, migrationStatus } from "../internal/storage/migrate.ts";
import { loadConfigOf, namedDatabase } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Adds `migrate up|down|status`. */
export function addMigrateCommand(program: Command): void {
  const migrate = program.command("migrate").description("bring the database's tables up to date, or back");
  migrate
    .command("up")
    .description("apply the migrations that are missing, and what TimescaleDB adds where it is there")
    .action(async (_options: unknown, command: Command) => {
      const settings = namedDatabase(loadConfigOf(command));
      const database = await openDatabase(settings);
      try {
        await migrateUp(database, { ...settings, log: print });
        print("the database is up to date");
      } finally {
        await database.close();
      }
    });
  migrate
    .command("down")
    .description("undo the last migration; what its tables hold is lost")
    .option("--to <version>", "undo down to this version; 0 undoes all")
    .requiredOption("--yes", "confirm that data may be lost")
    .action(async ({ to }: { to?: string }, command: Command) => {
      if (to !== undefined && !/^\d+$/.test(to)) throw new UsageError("--to is a version number, such as 0 or 1");
      const settings = namedDatabase(loadConfigOf(command));
      const database = await openDatabase(settings);
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
      const database = await openDatabase(namedDatabase(loadConfigOf(command)));
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
