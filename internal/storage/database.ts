import type postgres from "postgres";
import { openEmbedded } from "./embedded/open.ts";
import { DatabaseUnusable } from "./errors.ts";
import { connect } from "./pool.ts";

export type { Sql } from "./pool.ts";

/** The part of `[database]` that opening needs. */
export interface DatabaseSettings {
  readonly url: string;
  readonly max_connections: number;
}

export interface Database {
  readonly sql: postgres.Sql;
  readonly engine: "postgres" | "embedded";
  /** Lets running queries end, for at most a few seconds. */
  readonly close: () => Promise<void>;
}

const EMBEDDED = "pglite:";
const CLOSE_TIMEOUT_SECONDS = 5;

/**
 * Opens the database that the URL names: `postgres://…`, or `pglite:<dir>` / `pglite:memory` for the embedded one.
 * `onLost` is told when the embedded one has ended by itself: this handle then never answers again, a new one may.
 * @throws DatabaseUnusable with the cure, never with the password
 */
export async function openDatabase(
  { url, max_connections }: DatabaseSettings,
  onLost: (reason: string) => void = () => {},
): Promise<Database> {
  if (url.startsWith(EMBEDDED)) return openEmbedded(url.slice(EMBEDDED.length), { onLost });
  const sql = connect(url, { max: max_connections });
  try {
    await sql`SELECT 1`;
  } catch (error) {
    await sql.end({ timeout: 0 });
    const reason = error instanceof Error ? error.message || String((error as { code?: unknown }).code) : String(error);
    throw new DatabaseUnusable(
      `the database does not answer (${reason}); check [database] url, and that it is running`,
    );
  }
  return { sql, engine: "postgres", close: () => sql.end({ timeout: CLOSE_TIMEOUT_SECONDS }) };
}
