import type { Sql } from "../storage/database.ts";
import {
  isHypertable,
  obstacleToTimescale,
  type RetentionSeconds,
  TABLES,
  type TimescaleMode,
} from "../storage/timescale.ts";
import { type Finding, ok, warning, wrong } from "./finding.ts";

/** What `[database] timescaledb` comes to on this server, and whether the tables are as it says. */
export async function checkTimescale(sql: Sql, mode: TimescaleMode, retention: RetentionSeconds): Promise<Finding[]> {
  const obstacle = await obstacleToTimescale(sql);
  const chunked: string[] = [];
  for (const { name } of TABLES) if (await isHypertable(sql, name)) chunked.push(name);
  if (mode === "off") {
    return chunked.length === 0
      ? [ok("off: plain PostgreSQL tables"), ...pruning(retention)]
      : [
          warning(
            `[database] timescaledb is off, but ${chunked.join(", ")} are hypertables with their jobs`,
            'set it to "auto": off sets up nothing, it takes nothing back',
          ),
        ];
  }
  if (obstacle !== null) {
    return mode === "require"
      ? [wrong(`required, but ${obstacle}`, 'install and preload TimescaleDB, or set [database] timescaledb = "auto"')]
      : [ok(`auto: plain PostgreSQL tables, since ${obstacle}`), ...pruning(retention)];
  }
  if (chunked.length < TABLES.length) {
    const plain = TABLES.map(({ name }) => name).filter((name) => !chunked.includes(name));
    return [wrong(`TimescaleDB is there, but ${plain.join(", ")} are ordinary tables`, "run: stellarindex migrate up")];
  }
  const [found] = await sql<{ version: string; license: string }[]>`
    SELECT extversion AS version, current_setting('timescaledb.license') AS license
    FROM pg_extension WHERE extname = 'timescaledb'`;
  const { version = "", license = "" } = found ?? {};
  if (license === "timescale") return [ok(`${mode}: TimescaleDB ${version}, hypertables`)];
  return [
    warning(
      `TimescaleDB ${version} under the licence ${license}: hypertables without compression and retention jobs`,
      "set timescaledb.license = 'timescale' in postgresql.conf, restart the server, run: stellarindex migrate up",
    ),
    ...pruning(retention),
  ];
}

/** Where no job applies the retention, a command has to. */
function pruning(retention: RetentionSeconds): Finding[] {
  if (Object.values(retention).every((keep) => keep === 0)) return [];
  return [
    warning(
      "no job of the server applies [database.retention]",
      "run stellarindex prune every day, from cron or a systemd timer (docs/maintenance.md)",
    ),
  ];
}
