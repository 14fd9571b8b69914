import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type Postgrator from "postgrator";
import type { Micros } from "../../canonical/time.ts";
import { packageRoot } from "../../lib/package-root.ts";
import { type AdvisoryLock, takeAdvisoryLock } from "../connection/advisory-lock.ts";
import type { Database } from "../connection/database.ts";
import { DatabaseUnusable } from "../connection/errors.ts";
import type { Sql } from "../connection/pool.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import type { RetentionSeconds } from "../retention/expire-job.ts";
import { readHorizons } from "../retention/horizons.ts";
import { dropChunks, type PrunedTable } from "../retention/prune.ts";
import { refuseForeignObjects } from "./foreign-objects.ts";
import { isHypertable, setUpTimescale, TIME_TABLES, type TimescaleMode } from "./timescale.ts";

const MIGRATIONS = join(packageRoot(), "migrations");
const SCHEMA_TABLE = "stellarindex_migrations";
// Migrations run one at a time.
const MIGRATION_LOCK: AdvisoryLock = { number: 7_203_111_840, of: "migrations" };

export interface MigrateOptions {
  readonly timescaledb: TimescaleMode;
  readonly retention: RetentionSeconds;
  /** Called with a line for each step that was done or skipped. */
  readonly log: (line: string) => void;
}

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly appliedAt: Micros | null;
}

/**
 * Applies missing migrations and sets up TimescaleDB if available, in one transaction. Idempotent, and safe to run
 * concurrently.
 * @throws DatabaseUnusable if an applied migration was edited or is unknown, foreign objects would run with our
 *   privileges, the lock is not released in time, or TimescaleDB is required and missing
 */
export async function migrateUp(database: Database, options: MigrateOptions): Promise<void> {
  const { log } = options;
  await inLockedTransaction(database, log, async (sql) => {
    await refuseOtherSchemas(sql);
    refuseNewer(await appliedMigrations(sql), await knownMigrations());
    await runMigrations(sql, "max", log);
    await setUpTimescale(sql, options);
  });
}

/**
 * Undoes the last migration, or all above `version`. Data in the dropped tables is lost.
 * @throws DatabaseUnusable if nothing above `version` is applied, and as {@link migrateUp}
 */
export async function migrateDown(database: Database, log: (line: string) => void, version?: number): Promise<void> {
  /** Returns the version to go down to; null if nothing is applied. */
  const planDown = async (sql: Sql): Promise<number | null> => {
    const applied = await appliedMigrations(sql);
    refuseNewer(applied, await knownMigrations());
    if (applied.size === 0 && version === undefined) return null;
    const newest = Math.max(0, ...applied.keys());
    if (version !== undefined && version >= newest) {
      throw new DatabaseUnusable(
        `there is nothing to undo above migration ${version}: the newest applied is ${newest}`,
      );
    }
    return version ?? Math.max(0, ...[...applied.keys()].slice(0, -1));
  };
  const target = await inLockedTransaction(database, log, planDown);
  if (target === null) {
    log("no migration is applied: there is nothing to undo");
    return;
  }
  // Dropping a hypertable locks all of its chunks at once, which may exceed the server's lock table.
  await dropChunksAbove(database, target, log);
  await inLockedTransaction(database, log, async (sql) => {
    await planDown(sql);
    await runMigrations(sql, String(target), log);
  });
}

/** Drops the chunks of the tables that migrating down to `target` will drop, one chunk per transaction. */
async function dropChunksAbove(database: Database, target: number, log: (line: string) => void): Promise<void> {
  const dropped: PrunedTable[] = [];
  for (const { name, since } of TIME_TABLES)
    if (since > target && (await isHypertable(database.sql, name))) dropped.push(name);
  if (dropped.length === 0) return;
  // The same check and message as in the undo script of the rollups, which runs after the chunks are dropped.
  if (dropped.includes("trades_1m") && (await readHorizons(database.sql)).size > 0) {
    throw new DatabaseUnusable(
      "retention has removed rows: the rollups are the only memory of them and cannot be undone",
    );
  }
  const options = {
    signal: new AbortController().signal,
    onProgress: () => {},
    onWait: () => log("waiting for other transactions that use the tables"),
  };
  for (const name of dropped) {
    const count = await dropChunks(database, name, "infinity", options);
    if (count > 0) log(`dropped ${count} chunks of ${name}`);
  }
}

/** Returns every migration of this program with its time of application, then unknown ones of a newer program. */
export async function migrationStatus({ sql }: Database): Promise<Migration[]> {
  const applied = await appliedMigrations(sql);
  const known = await knownMigrations();
  const newer = [...applied].filter(([version]) => !known.some((each) => each.version === version));
  return [
    ...known.map(({ version, name }) => ({ version, name, appliedAt: applied.get(version)?.runAt ?? null })),
    ...newer.map(([version, { name, runAt }]) => ({ version, name, appliedAt: runAt })),
  ];
}

async function knownMigrations(): Promise<{ version: number; name: string }[]> {
  const files = await readdir(MIGRATIONS);
  return files
    .flatMap((file) => {
      const [, version, name] = /^(\d+)\.do\.(.+)\.sql$/.exec(file) ?? [];
      return version === undefined || name === undefined ? [] : [{ version: Number(version), name }];
    })
    .sort((a, b) => a.version - b.version);
}

/**
 * Checks that the database has exactly the migrations of this program.
 * @throws DatabaseUnusable if some are missing or unknown
 */
export async function requireMigrated(database: Database): Promise<void> {
  const known = await knownMigrations();
  const applied = await appliedMigrations(database.sql);
  const missing = known.filter(({ version }) => !applied.has(version));
  if (missing.length > 0) {
    throw new DatabaseUnusable(
      `the database lacks ${missing.length} of ${known.length} migrations; run: stellarindex migrate up`,
    );
  }
  refuseNewer(applied, known);
}

interface Applied {
  readonly name: string;
  readonly runAt: Micros;
}

/** Refuses migrations of a newer program, which this one can neither use nor undo. */
function refuseNewer(applied: ReadonlyMap<number, Applied>, known: readonly { readonly version: number }[]): void {
  const newest = Math.max(0, ...known.map(({ version }) => version));
  const unknown = [...applied].find(([version]) => version > newest);
  if (unknown === undefined) return;
  const [version, { name }] = unknown;
  throw new DatabaseUnusable(
    `the database has migration ${version} (${name}), newer than this program, which ends at ${newest}; update the program`,
  );
}

/** Requires schema public, which the functions and constraints name explicitly. */
async function refuseOtherSchemas(sql: Sql): Promise<void> {
  const [row] = await sql<{ schema: string | null }[]>`SELECT current_schema()::text AS schema`;
  if (row?.schema === "public") return;
  throw new DatabaseUnusable(
    `the tables must be in schema public, but search_path selects ${row?.schema ?? "no schema"}; ` +
      "set search_path = public for this role, or remove it from the URL",
  );
}

async function appliedMigrations(sql: Sql): Promise<Map<number, Applied>> {
  const [table] = await sql<{ name: string | null }[]>`SELECT to_regclass(${SCHEMA_TABLE})::text AS name`;
  if (table?.name == null) return new Map();
  const rows = await sql<{ version: string; name: string; run_at: string }[]>`
    SELECT version::text AS version, name, (extract(epoch FROM run_at) * 1000000)::bigint::text AS run_at
    FROM ${sql(SCHEMA_TABLE)} AS migrations
    WHERE version > 0
    -- By the number: the text above has the same name.
    ORDER BY migrations.version`;
  return new Map(rows.map(({ version, name, run_at }) => [Number(version), { name, runAt: BigInt(run_at) }]));
}

async function runMigrations(sql: Sql, target: string, log: (line: string) => void): Promise<void> {
  const runner = await postgrator(sql);
  runner.on("migration-finished", ({ version, action, name }) => {
    log(`${action === "do" ? "applied" : "undid"} migration ${version} (${name})`);
  });
  try {
    await runner.migrate(target);
  } catch (error) {
    const edited = /MD5 checksum failed for migration \[(\d+)\]/.exec(error instanceof Error ? error.message : "");
    if (edited === null) throw error;
    throw new DatabaseUnusable(
      `migration ${edited[1]} was edited after it was applied; restore its file and write a new migration instead`,
    );
  }
}

/** Loads postgrator lazily: a daemon only reads the applied migrations. */
async function postgrator(sql: Sql): Promise<Postgrator> {
  const { default: Runner } = await import("postgrator");
  return new Runner({
    driver: "pg",
    migrationPattern: join(MIGRATIONS, "*.sql"),
    schemaTable: SCHEMA_TABLE,
    newline: "LF",
    execQuery: async (query) => ({ rows: await sql.unsafe(query) }),
    execSqlScript: async (script) => {
      await sql.unsafe(script).simple();
    },
  });
}

async function inLockedTransaction<T>(
  database: Database,
  log: (line: string) => void,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  await refuseForeignObjects(database);
  return inTransaction(database.sql, READ_COMMITTED, async (transaction) => {
    // A statement_timeout set for the role is too short for computing the rollups of years of trades.
    await transaction`SELECT set_config('statement_timeout', '0', true)`;
    await takeAdvisoryLock(transaction, MIGRATION_LOCK, log);
    // Readers and writers queue behind a lock request that waits, so the wait must be short.
    await transaction`SELECT set_config('lock_timeout', '5s', true)`;
    return work(transaction);
  });
}
