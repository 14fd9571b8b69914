import type { Sql } from "../storage/connection/pool.ts";
import { readLockDemand } from "../storage/diagnostics/locks.ts";
import { isHypertable } from "../storage/schema/timescale.ts";
import { type Finding, ok, skipped, warning } from "./finding.ts";

/** Factor that leaves room for the locks of concurrent statements. */
const HEADROOM = 1.25;

/** Checks that the lock table is large enough for statements on all chunks: a dump, a migration, a restore. */
export async function checkLocks(sql: Sql): Promise<Finding> {
  if (!(await isHypertable(sql, "trades"))) return skipped("the tables are not hypertables: a few locks are enough");
  const { chunks, relations, locksPerSession, sessions } = await readLockDemand(sql);
  return judgeLocks(chunks, relations, locksPerSession, sessions);
}

/**
 * Judges the size of the lock table, `perSession` × `sessions`.
 * @param relations chunks, their compressed chunks and the indexes of both
 * @param perSession `max_locks_per_transaction`
 * @param sessions largest number of sessions, prepared transactions included
 */
export function judgeLocks(chunks: number, relations: number, perSession: number, sessions: number): Finding {
  const room = perSession * sessions;
  const needed = Math.ceil(relations * HEADROOM);
  if (needed <= room) return ok(`${chunks} chunks: room for ${room} locks, ${needed} are needed to lock all chunks`);
  const setting = Math.ceil(needed / sessions / 64) * 64;
  return warning(
    `${chunks} chunks: pg_dump, or a migration that changes a table, needs up to ${needed} locks at once, but the server has room for ${room}`,
    `set max_locks_per_transaction = ${setting} (it is ${perSession}) in postgresql.conf and restart the server`,
  );
}
