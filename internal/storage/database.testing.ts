import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { type Database, openDatabase } from "./database.ts";
import { migrateUp } from "./migrate.ts";
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
  const created = await createTestDatabase(engine);
  const database = await openDatabase({ url: created.url, max_connections: 8 });
  await migrateUp(database, {
    timescaledb: engine.timescaledb,
    retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
    log: () => {},
  });
  return {
    ...database,
    url: created.url,
    drop: async () => {
      await database.close();
      await created.drop();
    },
  };
}

/** An empty database of its own, not opened and not migrated. */
export async function createTestDatabase({ server }: TestEngine): Promise<{ url: string; drop: () => Promise<void> }> {
  if (server === null) return { url: "pglite:memory", drop: async () => {} };
  const name = `stellarindex_test_${randomBytes(6).toString("hex")}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => onServer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
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
