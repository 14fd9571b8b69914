import type { Sql } from "../connection/pool.ts";

export interface LockDemand {
  readonly chunks: number;
  /** Chunks, their compressed chunks and the indexes of both. */
  readonly relations: number;
  /** `max_locks_per_transaction` */
  readonly locksPerSession: number;
  /** Largest number of sessions, prepared transactions included. */
  readonly sessions: number;
}

/**
 * Counts the relations that a dump locks at once, and reads the settings that size the lock table. Needs TimescaleDB.
 */
export async function readLockDemand(sql: Sql): Promise<LockDemand> {
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
  return {
    chunks: Number(chunks),
    relations: Number(relations),
    locksPerSession: Number(per_session),
    sessions: Number(sessions),
  };
}
