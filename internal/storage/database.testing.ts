import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import postgres from "postgres";
import { type Database, openDatabase } from "./database.ts";
import { migrateUp } from "./migrate.ts";
import { connect } from "./pool.ts";
import type { TimescaleMode } from "./timescale.ts";

/** A kind of database that tests run on here. */
export interface TestEngine {
  readonly name: "pglite" | "postgres" | "timescaledb";
  readonly timescaledb: TimescaleMode;
  /** The server to make databases on; null for the embedded engine. */
  readonly server: string | null;
}

export interface TestDatabase extends Database {
  readonly url: string;
  /** Closes it and removes it from its server. */
  readonly drop: () => Promise<void>;
}

/** The engines at hand; which are left out, and why, is printed once when the tests start. */
export const testEngines: readonly TestEngine[] = [
  { name: "pglite", timescaledb: "auto", server: null },
  ...serverEngine("postgres", "off", process.env["STELLARINDEX_TEST_POSTGRES_URL"]),
  ...serverEngine("timescaledb", "require", process.env["STELLARINDEX_TEST_DATABASE_URL"]),
];

/** The engine for tests that need one that several processes can use at full speed, or null. */
export const serverTestEngine: TestEngine | null = testEngines.find(({ server }) => server !== null) ?? null;

/** A fresh, migrated database of its own. */
export async function openTestDatabase(engine: TestEngine): Promise<TestDatabase> {
  const created = engine.server === null ? copyEmbeddedTemplate() : await createTestDatabase(engine);
  const database = await created.open();
  await migrateUp(database, {
    timescaledb: engine.timescaledb,
    retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
    log: () => {},
  });
  if (engine.name === "timescaledb") {
    // Its scheduler would compress old chunks in the middle of a test; tests do that by hand.
    await database.sql`
      SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE job_id >= 1000`;
  }
  // The driver's `reserve`, which tests alone use, never ends on a new connection that asks for no types.
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

/** An empty database of its own, not migrated. */
/** Other connections to the same database, beside those of its own pool. */
export function connectBeside(
  { sql, engine, url }: TestDatabase,
  options: Parameters<typeof connect>[1],
): ReturnType<typeof connect> {
  if (engine !== "embedded") return connect(url, options);
  const { socket, user, database } = sql.options as typeof sql.options & { socket: () => Promise<Duplex> };
  return connect(null, { ...options, socket, user, database });
}

export async function createTestDatabase({ server }: TestEngine): Promise<{
  url: string;
  open: () => Promise<Database>;
  drop: () => Promise<void>;
}> {
  if (server === null) {
    const url = "pglite:memory";
    return { url, open: () => openDatabase({ url, max_connections: 1 }), drop: async () => {} };
  }
  const name = `stellarindex_test_${randomBytes(6).toString("hex")}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  // Tests outlive no power cut; without the wait for the disk they take half the time.
  await onServer(server, `ALTER DATABASE ${name} SET synchronous_commit = off`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    open: () => openDatabase({ url: url.href, max_connections: 8 }),
    drop: () => onServer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** A directory with an embedded database: a new one takes seconds to make, a copy of a migrated one a fraction. */
export function embeddedDirectory(): string {
  const template = process.env["STELLARINDEX_TEST_EMBEDDED_TEMPLATE"];
  if (template === undefined) throw new Error("test/services.ts makes the template of embedded databases");
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-test-"));
  cpSync(template, directory, { recursive: true });
  return directory;
}

function copyEmbeddedTemplate(): { url: string; open: () => Promise<Database>; drop: () => Promise<void> } {
  const directory = embeddedDirectory();
  const url = `pglite:${directory}`;
  return {
    url,
    open: () => openDatabase({ url, max_connections: 1 }),
    drop: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function onServer(server: string, statement: string): Promise<void> {
  const sql = postgres(server, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
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
