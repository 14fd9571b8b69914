import type { Sql } from "../storage/database.ts";
import { type Finding, ok, wrong } from "./finding.ts";

const LEAST = 15;

/** Whether the PostgreSQL server is one that the migrations run on. */
export async function checkServerVersion(sql: Sql): Promise<Finding> {
  const [row] = await sql<{ number: number; text: string }[]>`
    SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text`;
  const { number = 0, text = "" } = row ?? {};
  return Math.floor(number / 10_000) >= LEAST
    ? ok(`PostgreSQL ${text}`)
    : wrong(`PostgreSQL ${text} is too old`, `upgrade the server to PostgreSQL ${LEAST} or later (pg_upgrade)`);
}
