import type { Sql } from "../storage/connection/pool.ts";
import { type ReplayPosition, readPosition } from "../storage/connection/standby.ts";
import { mayReadAllStats } from "../storage/diagnostics/server.ts";
import { type Finding, ok, warning } from "./finding.ts";

/**
 * Checks whether the server is a primary, or a standby with an acceptable lag.
 * @param settleSeconds acceptable lag
 */
export async function checkRecovery(sql: Sql, settleSeconds: number): Promise<Finding> {
  const { position } = await readPosition(sql);
  return judgeRecovery(position, await mayReadAllStats(sql), settleSeconds);
}

/** Judges a replay position. @param maySee whether the role may see the state of the WAL receiver */
export function judgeRecovery(position: ReplayPosition | null, maySee: boolean, settleSeconds: number): Finding {
  if (position === null) return ok("the server is the primary");
  const lag = `the server is a standby (in recovery), ${position.lagSeconds.toFixed(1)} s behind its primary`;
  const behind = position.lagSeconds > Math.max(1, settleSeconds);
  if (!behind && maySee) return ok(lag);
  const cure =
    "find out why replication lags (pg_stat_replication on the primary, pg_is_wal_replay_paused() here), or point [database] url at the primary";
  if (maySee) return warning(`${lag}; requests for buckets that may lack trades are refused`, cure);
  return warning(
    `${lag} by its last commit; this role cannot see whether the primary is idle`,
    `as a superuser on the primary: GRANT pg_read_all_stats TO the role of [database] url; then ${cure}`,
  );
}
