import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../internal/lib/package-root.ts";
import { migrateTestDatabase } from "../internal/storage/connection/database.testing.ts";
import { openDatabase } from "../internal/storage/open-database.ts";
import { SHORT_LIVED } from "./node-flags.ts";

const CACHE = join(packageRoot(), "node_modules", ".cache", "stellarindex");
const NAME = "embedded-";

/**
 * A directory with two embedded databases to copy, `empty` and `migrated`. It is kept for the next run, since creating it
 * takes seconds, and is created again when a migration, a package or this file has changed.
 */
export async function embeddedTemplates(): Promise<string> {
  const current = `${NAME}${version()}`;
  const directory = join(CACHE, current);
  if (existsSync(directory)) return directory;
  mkdirSync(CACHE, { recursive: true });
  for (const name of readdirSync(CACHE)) {
    if (name.startsWith(NAME) && name !== current) rmSync(join(CACHE, name), { recursive: true, force: true });
  }
  // It is renamed into place, so that an interrupted creation is not mistaken for a complete one.
  const draft = mkdtempSync(join(CACHE, "draft-"));
  try {
    await make(draft);
    renameSync(draft, directory);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another run may have been first.
    if (!existsSync(directory)) throw error;
  }
  return directory;
}

function version(): string {
  const hash = createHash("sha256");
  const migrations = join(packageRoot(), "migrations");
  const files = readdirSync(migrations).map((name) => join(migrations, name));
  for (const file of [...files.sort(), join(packageRoot(), "package-lock.json"), fileURLToPath(import.meta.url)])
    hash.update(file).update(readFileSync(file));
  return hash.digest("hex").slice(0, 16);
}

async function make(directory: string): Promise<void> {
  const flags = process.execArgv;
  // An engine's process inherits the flags of this one.
  process.execArgv = [...flags, ...SHORT_LIVED];
  try {
    const [empty, migrated] = [join(directory, "empty"), join(directory, "migrated")];
    await (await openDatabase({ url: `pglite:${empty}`, max_connections: 1 })).close();
    cpSync(empty, migrated, { recursive: true });
    const database = await openDatabase({ url: `pglite:${migrated}`, max_connections: 1 });
    await migrateTestDatabase(database, { timescaledb: "off" });
    await database.close();
  } finally {
    process.execArgv = flags;
  }
}
