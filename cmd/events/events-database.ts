import type { Command } from "commander";
import { openMigratedDatabase } from "../../internal/daemon/migrated-database.ts";
import type { Database } from "../../internal/storage/connection/database.ts";
import { loadConfigOf, namedDatabase, requireExisting } from "../settings.ts";

/** Runs `work` with the configured database. */
export async function withEventsDatabase(command: Command, work: (database: Database) => Promise<void>): Promise<void> {
  const database = await openMigratedDatabase(requireExisting(namedDatabase(loadConfigOf(command))));
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

/** Returns a text whose control characters do nothing to a terminal: senders and receivers wrote it. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
