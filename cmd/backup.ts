import type { Command } from "commander";
import { backUp } from "../internal/storage/embedded/backup.ts";
import { holdsDatabase } from "../internal/storage/embedded/engine.ts";
import { databaseOf, loadConfigOf, openMigratedDatabase } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `
A plain copy of the directory of an embedded database is good only while nothing serves it; one of a directory in use is
refused. This makes a copy beside a running start or import: it goes through that process, and whoever asks it meanwhile
waits. The new directory is an embedded database like any other, and is on disk when the command ends.

A PostgreSQL server is backed up by its own means, such as pg_basebackup or pg_dump.

Exit status: 0 when the copy is made, 1 when it failed, 2 for wrong usage or configuration.

Example:
  stellarindex backup /var/backups/stellarindex-2026-08-09
`;

/** Adds `backup`, which copies a live embedded database. */
export function addBackupCommand(program: Command): void {
  program
    .command("backup")
    .description("copy a live embedded database into a new directory")
    .argument("<directory>", "the directory to make")
    .addHelpText("after", HELP)
    .action(async (target: string, _options: unknown, command: Command) => {
      const settings = databaseOf(loadConfigOf(command));
      const [, directory] = /^pglite:(?!memory$)(.+)/.exec(settings.url) ?? [];
      if (directory === undefined) throw new UsageError("[database] url names no directory of an embedded database");
      if (!holdsDatabase(directory)) throw new UsageError(`there is no embedded database in ${directory}`);
      if (target.trim() === "") throw new UsageError("name the directory to make");
      const database = await openMigratedDatabase(settings);
      try {
        await backUp(database, directory, target);
        process.stdout.write(`${directory} is copied to ${target}\n`);
      } finally {
        await database.close();
      }
    });
}
