import type { Sql } from "../storage/database.ts";
import { type ReplayPosition, readPosition } from "../storage/standby.ts";
import { type Finding, ok, warning } from "./finding.ts";

/**
 * Whether the server is the primary, and how far behind it is where it is not.
 * @param settleSeconds how far behind it is still as good as the primary
 */
export async function checkRecovery(sql: Sql, settleSeconds: number): Promise<Finding> {
  const { position } = await readPosition(sql);
  const [row] = await sql<{ may_see: boolean }[]>`
    SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS may_see`;
  return judgeRecovery(position, row?.may_see === true, settleSeconds);
}

/** @param maySee whether the role may look at the process that receives from the primary */
export function judgeRecovery(position: ReplayPosition | null, maySee: boolean, settleSeconds: number): Finding {
  if (position === null) return ok("the server is the primary");
  const lag = `the server is a standby (in recovery), ${position.lagSeconds.toFixed(1)} s behind its primary`;
  const behind = position.lagSeconds > Math.max(1, settleSeconds);
  if (!behind && maySee) return ok(lag);
  const cure =
    "see why replication lags (pg_stat_replication on the primary, pg_is_wal_replay_paused() here), or let [database] url lead to the primary";
  if (maySee) return warning(`${lag}; what it may lack trades of is not answered`, cure);
  return warning(
    `${lag} by its last commit; whether the primary is idle cannot be seen by this role`,
    `as a superuser on the primary: GRANT pg_read_all_stats TO the role of [database] url; then ${cure}`,
  );
}
