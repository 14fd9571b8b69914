import type { Sql } from "../storage/connection/pool.ts";
import { readTimescaleVersion } from "../storage/diagnostics/timescale.ts";
import type { RetentionSeconds } from "../storage/retention/expire-job.ts";
import { isHypertable, obstacleToTimescale, TIME_TABLES, type TimescaleMode } from "../storage/schema/timescale.ts";
import { type Finding, ok, warning, wrong } from "./finding.ts";

/** Checks that the tables match `[database] timescaledb` and what the server supports. */
export async function checkTimescale(sql: Sql, mode: TimescaleMode, retention: RetentionSeconds): Promise<Finding[]> {
  const obstacle = await obstacleToTimescale(sql);
  const chunked: string[] = [];
  for (const { name } of TIME_TABLES) if (await isHypertable(sql, name)) chunked.push(name);
  if (mode === "off") {
    return chunked.length === 0
      ? [ok("off: plain PostgreSQL tables"), ...pruning(retention)]
      : [
          warning(
            `[database] timescaledb is off, but ${chunked.join(", ")} are hypertables with jobs`,
            'set it to "auto": "off" does not convert hypertables back',
          ),
        ];
  }
  if (obstacle !== null) {
    return mode === "require"
      ? [wrong(`required, but ${obstacle}`, 'install and preload TimescaleDB, or set [database] timescaledb = "auto"')]
      : [ok(`auto: plain PostgreSQL tables, since ${obstacle}`), ...pruning(retention)];
  }
  if (chunked.length < TIME_TABLES.length) {
    const plain = TIME_TABLES.map(({ name }) => name).filter((name) => !chunked.includes(name));
    return [
      wrong(`TimescaleDB is available, but ${plain.join(", ")} are ordinary tables`, "run: stellarindex migrate up"),
    ];
  }
  const { version = "", license = "" } = (await readTimescaleVersion(sql)) ?? {};
  if (license === "timescale") return [ok(`${mode}: TimescaleDB ${version}, hypertables`)];
  return [
    warning(
      `TimescaleDB ${version} under the licence ${license}: hypertables without compression and retention jobs`,
      "set timescaledb.license = 'timescale' in postgresql.conf, restart the server, run: stellarindex migrate up",
    ),
    ...pruning(retention),
  ];
}

/** Warns that retention needs `stellarindex prune`, since there are no jobs for it. */
function pruning(retention: RetentionSeconds): Finding[] {
  if (Object.values(retention).every((keep) => keep === 0)) return [];
  return [
    warning(
      "no job applies [database.retention]",
      "run stellarindex prune daily, from cron or a systemd timer (docs/maintenance.md)",
    ),
  ];
}
