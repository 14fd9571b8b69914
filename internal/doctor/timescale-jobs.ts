import { isDeepStrictEqual } from "node:util";
import { formatDuration } from "../canonical/duration.ts";
import type { Sql } from "../storage/database.ts";
import { isHypertable, type RetentionSeconds } from "../storage/timescale.ts";
import { type Finding, ok, skipped, warning, wrong } from "./finding.ts";

/** A job of TimescaleDB that works on our tables. */
export interface Job {
  readonly id: number;
  readonly procedure: string;
  /** The table that it compresses, or cuts. */
  readonly table: string;
  /** Compression: how old chunks are by then, as an interval. */
  readonly compressAfter: string | null;
  /** Retention. */
  readonly keepSeconds: number | null;
  readonly isScheduled: boolean;
  readonly lastStatus: string | null;
  /** When the last run began, as text. */
  readonly lastRun: string | null;
  readonly failures: number;
  /** What the last failure said, as far as the role may see it. */
  readonly lastError: string | null;
}

/** What TimescaleDB 2.26 and 2.28 record of each run of a job on PostgreSQL 15.20; its work was committed before. */
const RECORDED_ONLY = /^cannot drop portal "" while it is being set up$/;

/** The jobs that compress and cut our tables, where there are some to be. */
export async function checkTimescaleJobs(sql: Sql, retention: RetentionSeconds): Promise<Finding[]> {
  if (!(await isHypertable(sql, "trades"))) return [skipped("the tables are ordinary ones, without jobs")];
  const [license] = await sql<{ is_full: boolean }[]>`
    SELECT current_setting('timescaledb.license') = 'timescale' AS is_full`;
  if (license?.is_full !== true) return [skipped("the licence of TimescaleDB here has no jobs")];
  return judgeJobs(await readJobs(sql), retention);
}

/** Whether the jobs are those that the configuration asks for, and run. */
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
    findings.push(wrong(`jobs keep ${inWords(cut)}, [database.retention] says ${inWords(wanted)}`, migrate));
  }
  for (const { id, procedure, table, isScheduled, lastStatus, lastRun, failures, lastError } of jobs) {
    const name = `job ${id} (${procedure} of ${table})`;
    if (!isScheduled) {
      findings.push(warning(`${name} is not scheduled`, `SELECT alter_job(${id}, scheduled => true);`));
    }
    if (lastStatus === "Failed" && RECORDED_ONLY.test(lastError ?? "")) {
      findings.push(
        warning(
          `${name} is recorded as failed (${lastError}), although its work is done`,
          "a fault of this TimescaleDB on this PostgreSQL: update TimescaleDB, or leave it (docs/timescaledb.md)",
        ),
      );
    } else if (lastStatus === "Failed") {
      findings.push(
        wrong(
          `${name} failed in its last run (${lastRun}), ${failures} times in all`,
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
  return each.length === 0 ? "everything" : each.join(", ");
}

async function readJobs(sql: Sql): Promise<Job[]> {
  const rows = await sql<
    {
      id: number;
      procedure: string;
      table: string;
      compress_after: string | null;
      keep_seconds: string | null;
      scheduled: boolean;
      last_status: string | null;
      last_run: string | null;
      failures: string | null;
      last_error: string | null;
    }[]
  >`
    SELECT job_id AS id, proc_name AS procedure, coalesce(job.hypertable_name, config->>'table') AS table,
      config->>'compress_after' AS compress_after, config->>'keep_seconds' AS keep_seconds, scheduled,
      last_run_status AS last_status, last_run_started_at::text AS last_run, total_failures::text AS failures,
      (
        SELECT err_message FROM timescaledb_information.job_errors AS failed
        WHERE failed.job_id = job.job_id ORDER BY finish_time DESC LIMIT 1
      ) AS last_error
    FROM timescaledb_information.jobs AS job
    LEFT JOIN timescaledb_information.job_stats USING (job_id)
    WHERE proc_name = 'stellarindex_expire'
      OR job.hypertable_schema = 'public' AND job.hypertable_name IN ('trades', 'trades_1m', 'trades_1h')
    ORDER BY job_id`;
  return rows.map((row) => ({
    id: row.id,
    procedure: row.procedure,
    table: row.table,
    compressAfter: row.compress_after,
    keepSeconds: row.keep_seconds === null ? null : Number(row.keep_seconds),
    isScheduled: row.scheduled,
    lastStatus: row.last_status,
    lastRun: row.last_run,
    failures: Number(row.failures ?? 0),
    lastError: row.last_error,
  }));
}
