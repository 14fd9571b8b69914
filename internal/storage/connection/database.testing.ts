import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import postgres from "postgres";
import { openDatabase } from "../open-database.ts";
import { migrateUp } from "../schema/migrate.ts";
import type { TimescaleMode } from "../schema/timescale.ts";
import type { Database } from "./database.ts";
import { connect } from "./pool.ts";

/** A database engine that tests run on. */
export interface TestEngine {
  readonly name: "pglite" | "postgres" | "timescaledb";
  readonly timescaledb: TimescaleMode;
  /** URL of the server that test databases are created on; null for the embedded engine. */
  readonly server: string | null;
}

export interface TestDatabase extends Database {
  readonly url: string;
  /** Closes the database and drops it from its server. */
  readonly drop: () => Promise<void>;
}

/** The available engines; skipped ones are printed with the reason when the tests start. */
export const testEngines: readonly TestEngine[] = [
  { name: "pglite", timescaledb: "auto", server: null },
  ...serverEngine("postgres", "off", process.env["STELLARINDEX_TEST_POSTGRES_URL"]),
  ...serverEngine("timescaledb", "require", process.env["STELLARINDEX_TEST_DATABASE_URL"]),
];

/** The engine for tests that need a real server for several processes; null if there is none. */
export const serverTestEngine: TestEngine | null = testEngines.find(({ server }) => server !== null) ?? null;

/** Creates a new, migrated database. */
export async function openTestDatabase(engine: TestEngine): Promise<TestDatabase> {
  const created = await createTestDatabase(engine, "migrated");
  const database = await created.open();
  if (engine.name === "timescaledb") {
    await migrateTestDatabase(database, engine);
    // TimescaleDB's scheduler would compress old chunks during a test; tests run jobs themselves.
    await database.sql`
      SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE job_id >= 1000`;
  }
  // The driver's `reserve`, which only tests use, never settles on a new connection without fetch_types.
  Object.assign(database.sql.options, { fetch_types: true });
  return {
    ...database,
    url: created.url,
    drop: async () => {
      await database.close();
      await created.drop();
    },
  };
}

/** Opens another connection pool to the same database. */
export function connectBeside(
  { sql, engine, url }: TestDatabase,
  options: Parameters<typeof connect>[1],
): ReturnType<typeof connect> {
  if (engine !== "embedded") return connect(url, options);
  const { socket, user, database } = sql.options as typeof sql.options & { socket: () => Promise<Duplex> };
  return connect(null, { ...options, socket, user, database });
}

/** Creates a database without migrations, or with them by copying a template; that of TimescaleDB is always empty. */
export async function createTestDatabase(
  { name, server }: TestEngine,
  state: "empty" | "migrated" = "empty",
): Promise<{
  url: string;
  open: () => Promise<Database>;
  drop: () => Promise<void>;
}> {
  if (server === null) return copyEmbeddedTemplate(state);
  const isCopy = state === "migrated" && name === "postgres";
  const database = `stellarindex_test_${randomBytes(6).toString("hex")}`;
  await onServer(
    server,
    `CREATE DATABASE ${database} ${isCopy ? `TEMPLATE ${process.env["STELLARINDEX_TEST_POSTGRES_TEMPLATE"]}` : ""}`,
    // Tests need no durability; without synchronous_commit they take half the time.
    `ALTER DATABASE ${database} SET synchronous_commit = off`,
  );
  const url = new URL(server);
  url.pathname = `/${database}`;
  return {
    url: url.href,
    open: () => openDatabase({ url: url.href, max_connections: 8 }),
    drop: () => onServer(server, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`),
  };
}

/** Applies the migrations, without retention. */
export async function migrateTestDatabase(
  database: Database,
  { timescaledb }: Pick<TestEngine, "timescaledb">,
): Promise<void> {
  const retention = { trades: 0, trades_1m: 0, trades_1h: 0 };
  await migrateUp(database, { timescaledb, retention, log: () => {} });
}

/** Creates a directory with an embedded database by copying a template, which is much faster than initializing one. */
export function embeddedDirectory(state: "empty" | "migrated" = "migrated"): string {
  const templates = process.env["STELLARINDEX_TEST_EMBEDDED_TEMPLATES"];
  if (templates === undefined) throw new Error("test/services.ts makes the templates of embedded databases");
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-test-"));
  // A process of its own copies a thousand files in a fraction of the time that cpSync takes.
  execFileSync("cp", ["-R", `${join(templates, state)}/.`, directory]);
  return directory;
}

/**
 * A new, migrated database for commands, and a directory for their files. The database stays open, so that an embedded
 * engine starts only once.
 */
export async function openCommandDatabase(
  engine: TestEngine,
): Promise<{ url: string; directory: string; drop: () => Promise<void> }> {
  const { url, drop } = await openTestDatabase(engine);
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-files-"));
  return {
    url,
    directory,
    drop: async () => {
      await drop();
      rmSync(directory, { recursive: true });
    },
  };
}

function copyEmbeddedTemplate(state: "empty" | "migrated"): {
  url: string;
  open: () => Promise<Database>;
  drop: () => Promise<void>;
} {
  const directory = embeddedDirectory(state);
  const url = `pglite:${directory}`;
  return {
    url,
    open: () => openDatabase({ url, max_connections: 1 }),
    drop: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function onServer(server: string, ...statements: string[]): Promise<void> {
  const sql = postgres(server, { max: 1, onnotice: () => {} });
  try {
    for (const statement of statements) await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

function serverEngine(
  name: "postgres" | "timescaledb",
  timescaledb: TimescaleMode,
  server: string | undefined,
): TestEngine[] {
  return server === undefined || server === "" ? [] : [{ name, timescaledb, server }];
}
