import { randomBytes } from "node:crypto";
import type { Database } from "../internal/storage/connection/database.ts";
import { connect } from "../internal/storage/connection/pool.ts";
import { openDatabase } from "../internal/storage/open-database.ts";
import { migrateUp } from "../internal/storage/schema/migrate.ts";
import { describeEngine } from "./bench.ts";

/** A new migrated database with its URL, which is dropped afterwards. */
export async function withBenchDatabase<T>(
  server: string | undefined,
  use: (database: Database, url: string) => Promise<T>,
): Promise<T> {
  const { url, drop } = await benchDatabase(server);
  const database = await openDatabase({ url, max_connections: 8 });
  try {
    await migrateUp(database, {
      timescaledb: "auto",
      retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      log: () => {},
    });
    console.log(await describeEngine(database));
    return await use(database, url);
  } finally {
    await database.close();
    await drop();
  }
}

async function benchDatabase(server: string | undefined): Promise<{ url: string; drop: () => Promise<unknown> }> {
  if (server === undefined) return { url: "pglite:memory", drop: async () => {} };
  const name = `stellarindex_bench_${randomBytes(4).toString("hex")}`;
  const sql = connect(server, { max: 1 });
  await sql.unsafe(`CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: async () => {
      await sql.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
      await sql.end();
    },
  };
}

/** Prints a line on a terminal that the next one replaces. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}
