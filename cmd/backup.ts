import type { Command } from "commander";
import { openMigratedDatabase } from "../internal/daemon/migrated-database.ts";
import { createBackup } from "../internal/storage/embedded/backup.ts";
import { directoryOf } from "../internal/storage/embedded/database-directory.ts";
import { databaseOf, loadConfigOf, requireExisting } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `
Copies an embedded database while a start or import uses it; a plain copy of a directory in use would be corrupt, and is
refused when opened. The copy goes through the running process, whose queries wait meanwhile. The new directory is an
embedded database like any other, and is flushed to disk when the command ends.

Back up a PostgreSQL server with its own tools, such as pg_basebackup or pg_dump.

Exit status: 0 when the copy is made, 1 when it failed, 2 for wrong usage or configuration.

Example:
  stellarindex backup /var/backups/stellarindex-2026-08-09
`;

/** Adds `backup`, which copies a live embedded database. */
export function addBackupCommand(program: Command): void {
  program
    .command("backup")
    .description("copy a live embedded database into a new directory")
    .argument("<directory>", "the directory to create")
    .addHelpText("after", HELP)
    .action(async (target: string, _options: unknown, command: Command) => {
      const settings = databaseOf(loadConfigOf(command));
      const directory = directoryOf(settings.url);
      if (directory === null) throw new UsageError("[database] url is not the directory of an embedded database");
      if (target.trim() === "") throw new UsageError("the directory to create is empty; name one");
      const database = await openMigratedDatabase(requireExisting(settings));
      try {
        await createBackup(database, directory, target);
        process.stdout.write(`copied ${directory} to ${target}\n`);
      } finally {
        await database.close();
      }
    });
}
