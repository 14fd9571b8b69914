import type { Sql } from "../storage/connection/pool.ts";
import { readServerVersion } from "../storage/diagnostics/server.ts";
import { type Finding, ok, wrong } from "./finding.ts";

const LEAST = 15;

/** Checks that the PostgreSQL version is supported. */
export async function checkServerVersion(sql: Sql): Promise<Finding> {
  const { number, text } = await readServerVersion(sql);
  return Math.floor(number / 10_000) >= LEAST
    ? ok(`PostgreSQL ${text}`)
    : wrong(`PostgreSQL ${text} is too old`, `upgrade the server to PostgreSQL ${LEAST} or later (pg_upgrade)`);
}
