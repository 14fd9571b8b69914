import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type Postgrator from "postgrator";
import type { Micros } from "../canonical/time.ts";
import { packageRoot } from "../package/root.ts";
import { type AdvisoryLock, takeAdvisoryLock } from "./advisory-lock.ts";
import type { Database, Sql } from "./database.ts";
import { DatabaseUnusable } from "./errors.ts";
import { readHorizons } from "./horizons.ts";
import { refuseIntruders } from "./intruders.ts";
import { dropChunks, type PrunedTable } from "./prune.ts";
import { isHypertable, type RetentionSeconds, setUpTimescale, TABLES, type TimescaleMode } from "./timescale.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

const MIGRATIONS = join(packageRoot(), "migrations");
const SCHEMA_TABLE = "stellarindex_migrations";
// Migrations run one at a time.
const MIGRATION_LOCK: AdvisoryLock = { number: 7_203_111_840, of: "migrations" };

export interface MigrateOptions {
  readonly timescaledb: TimescaleMode;
  readonly retention: RetentionSeconds;
  /** Told what was done and what was left out, a line each. */
  readonly log: (line: string) => void;
}

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly appliedAt: Micros | null;
}

/**
 * Applies the migrations that are missing, then what TimescaleDB adds where it is there; all or nothing.
 * Safe to run again and by several at once.
 * @throws DatabaseUnusable where an applied migration was edited since or is not known, others have made something in the
 * schema that would be run with our rights, the lock is not free in time, or TimescaleDB is required and missing
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
 * Undoes the last migration, or all of them down to `version`. Data in the dropped tables is lost.
 * @throws DatabaseUnusable where nothing above `version` is applied, and as {@link migrateUp} does
 */
export async function migrateDown(database: Database, log: (line: string) => void, version?: number): Promise<void> {
  /** The version to undo down to; null where nothing is applied. */
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
  // To drop a hypertable locks all of its chunks at once, which the server may have no room for.
  await dropChunksAbove(database, target, log);
  await inLockedTransaction(database, log, async (sql) => {
    await planDown(sql);
    await runMigrations(sql, String(target), log);
  });
}

/** Drops the chunks of the tables that undoing migrations down to `target` drops, each in a transaction of its own. */
async function dropChunksAbove(database: Database, target: number, log: (line: string) => void): Promise<void> {
  const dropped: PrunedTable[] = [];
  for (const { name, since } of TABLES)
    if (since > target && (await isHypertable(database.sql, name))) dropped.push(name);
  if (dropped.length === 0) return;
  // As the undoing of rollups itself says, which is too late once chunks are gone.
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

/** Every migration of this program, and when it was applied; then those that a newer program has applied. */
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
 * @throws DatabaseUnusable where the database has not all migrations of this program, or has ones it does not know
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

/** A program of before does not know what a later migration made, and could neither use nor undo it. */
function refuseNewer(applied: ReadonlyMap<number, Applied>, known: readonly { readonly version: number }[]): void {
  const newest = Math.max(0, ...known.map(({ version }) => version));
  const unknown = [...applied].find(([version]) => version > newest);
  if (unknown === undefined) return;
  const [version, { name }] = unknown;
  throw new DatabaseUnusable(
    `the database has migration ${version} (${name}), newer than this program, which ends at ${newest}; update the program`,
  );
}

/** Functions and checks name the schema `public`: tables elsewhere would not be found. */
async function refuseOtherSchemas(sql: Sql): Promise<void> {
  const [row] = await sql<{ schema: string | null }[]>`SELECT current_schema()::text AS schema`;
  if (row?.schema === "public") return;
  throw new DatabaseUnusable(
    `tables belong into schema public, and search_path leads to ${row?.schema ?? "no schema"}; ` +
      "set search_path = public for this role, or leave it out of the URL",
  );
}

async function appliedMigrations(sql: Sql): Promise<Map<number, Applied>> {
  const [table] = await sql<{ name: string | null }[]>`SELECT to_regclass(${SCHEMA_TABLE})::text AS name`;
  if (table?.name == null) return new Map();
  const rows = await sql<{ version: string; name: string; run_at: string }[]>`
    SELECT version::text AS version, name, (extract(epoch FROM run_at) * 1000000)::bigint::text AS run_at
    FROM ${sql(SCHEMA_TABLE)} WHERE version > 0 ORDER BY version`;
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

/** Loaded only where something is migrated: a daemon that starts just looks what is applied. */
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
  await refuseIntruders(database);
  return inTransaction(database.sql, READ_COMMITTED, async (transaction) => {
    // What a role's queries may take, as hosters limit it, is too little to count the trades of years.
    await transaction`SELECT set_config('statement_timeout', '0', true)`;
    await takeAdvisoryLock(transaction, MIGRATION_LOCK, log);
    // Whoever reads or writes meanwhile waits behind a lock that is waited for.
    await transaction`SELECT set_config('lock_timeout', '5s', true)`;
    return work(transaction);
  });
}
