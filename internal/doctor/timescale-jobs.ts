import { isDeepStrictEqual } from "node:util";
import { formatDuration } from "../canonical/duration.ts";
import type { Sql } from "../storage/connection/pool.ts";
import { type Job, readJobs, readTimescaleVersion } from "../storage/diagnostics/timescale.ts";
import type { RetentionSeconds } from "../storage/retention/expire-job.ts";
import { isHypertable } from "../storage/schema/timescale.ts";
import { type Finding, ok, skipped, warning, wrong } from "./finding.ts";

/**
 * Error that TimescaleDB 2.26 and 2.28 record for each run of a job on PostgreSQL 15.20 after its work is committed.
 */
const SPURIOUS_FAILURE = /^cannot drop portal "" while it is being set up$/;

/** Checks the compression and retention jobs, if the server supports jobs. */
export async function checkTimescaleJobs(sql: Sql, retention: RetentionSeconds): Promise<Finding[]> {
  if (!(await isHypertable(sql, "trades"))) return [skipped("the tables are not hypertables: there are no jobs")];
  if ((await readTimescaleVersion(sql))?.license !== "timescale")
    return [skipped("this licence of TimescaleDB does not include jobs")];
  return judgeJobs(await readJobs(sql), retention);
}

/** Checks that the jobs match the configuration, are scheduled and did not fail. */
export function judgeJobs(jobs: readonly Job[], retention: RetentionSeconds): Finding[] {
  const migrate = "run: stellarindex migrate up";
  const findings: Finding[] = [];
  const compression = jobs.filter(({ compressAfter }) => compressAfter !== null);
  if (compression.length === 0) {
    findings.push(wrong("no job compresses old chunks of trades", migrate));
  }
  const cut = new Map(jobs.flatMap(({ table, keepSeconds }) => (keepSeconds === null ? [] : [[table, keepSeconds]])));
  const wanted = new Map(Object.entries(retention).filter(([, keep]) => keep > 0));
  if (!isDeepStrictEqual(new Map([...cut].sort()), new Map([...wanted].sort()))) {
    findings.push(wrong(`retention jobs: ${inWords(cut)}; [database.retention]: ${inWords(wanted)}`, migrate));
  }
  for (const { id, procedure, table, isScheduled, lastStatus, lastRun, failures, lastError } of jobs) {
    const name = `job ${id} (${procedure} of ${table})`;
    if (!isScheduled) {
      findings.push(warning(`${name} is not scheduled`, `SELECT alter_job(${id}, scheduled => true);`));
    }
    if (lastStatus === "Failed" && SPURIOUS_FAILURE.test(lastError ?? "")) {
      findings.push(
        warning(
          `${name} is recorded as failed (${lastError}), although it succeeded`,
          "a bug of this TimescaleDB on this PostgreSQL: update TimescaleDB, or ignore it (docs/timescaledb.md)",
        ),
      );
    } else if (lastStatus === "Failed") {
      findings.push(
        wrong(
          `${name} failed in its last run (${lastRun}), ${failures} failures in total`,
          `SELECT err_message, finish_time FROM timescaledb_information.job_errors WHERE job_id = ${id} ORDER BY finish_time DESC LIMIT 5;`,
        ),
      );
    }
  }
  if (findings.length > 0) return findings;
  return [ok(`compression after ${compression[0]?.compressAfter}; retention: ${inWords(cut)}; no job failed`)];
}

function inWords(keeps: ReadonlyMap<string, number>): string {
  const each = [...keeps].sort().map(([table, keep]) => `${table} ${formatDuration(keep)}`);
  return each.length === 0 ? "none" : each.join(", ");
}
