import type { Sql } from "../storage/database.ts";
import { isHypertable } from "../storage/timescale.ts";
import { type Finding, ok, skipped, warning } from "./finding.ts";

/** Locks that statements of others hold meanwhile, as a part of what is needed. */
const HEADROOM = 1.25;

/** Whether the server has room for the locks of what works on all chunks at once: a dump, a migration, a restore. */
export async function checkLocks(sql: Sql): Promise<Finding> {
  if (!(await isHypertable(sql, "trades"))) return skipped("the tables are ordinary ones: a few locks are enough");
  const [row] = await sql<{ chunks: string; relations: string; per_session: string; sessions: string }[]>`
    SELECT
      (
        SELECT count(*)::text FROM timescaledb_information.chunks
        WHERE hypertable_schema = 'public' AND hypertable_name IN ('trades', 'trades_1m', 'trades_1h')
      ) AS chunks,
      (
        SELECT count(*)::text FROM pg_class
        WHERE relnamespace = '_timescaledb_internal'::regnamespace AND relkind IN ('r', 'i')
      ) AS relations,
      current_setting('max_locks_per_transaction') AS per_session,
      (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)::text AS sessions`;
  const { chunks = "0", relations = "0", per_session = "64", sessions = "100" } = row ?? {};
  return judgeLocks(Number(chunks), Number(relations), Number(per_session), Number(sessions));
}

/**
 * @param relations chunks, their compressed twins and the indexes of both
 * @param perSession `max_locks_per_transaction`
 * @param sessions that may be, prepared transactions included
 */
export function judgeLocks(chunks: number, relations: number, perSession: number, sessions: number): Finding {
  const room = perSession * sessions;
  const needed = Math.ceil(relations * HEADROOM);
  if (needed <= room)
    return ok(`${chunks} chunks: room for ${room} locks, ${needed} are enough for all of them at once`);
  const setting = Math.ceil(needed / sessions / 64) * 64;
  return warning(
    `${chunks} chunks: pg_dump, or a migration that changes a table, needs up to ${needed} locks at once, and the server has room for ${room}`,
    `set max_locks_per_transaction = ${setting} (it is ${perSession}) in postgresql.conf and restart the server`,
  );
}
