import { type Command, Option } from "commander";
import { formatDuration, parseDuration } from "../internal/canonical/duration.ts";
import { formatTime, MICROS_PER_SECOND, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import type { Config } from "../internal/config/schema.ts";
import { insufficientRetention, type Retention } from "../internal/config/sections/retention.ts";
import { openMigratedDatabase } from "../internal/daemon/migrated-database.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { createProgress } from "../internal/import/progress.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { countPrunable, type PrunedTable, prune } from "../internal/storage/retention/prune.ts";
import { loadConfigOf, namedDatabase, requireExisting } from "./settings.ts";
import { parseOption, UsageError } from "./usage-error.ts";

const PRUNABLE_TABLES = ["trades", "trades_1m", "trades_1h"] as const;
const FAILURE = 1;

const HELP = `
Removes old rows. Without options, it applies [database.retention] to each table; run it daily, for instance from cron.
With --older-than or --before, it applies that to the tables of --table.

It first stores the horizon, a whole hour from which the table is complete. From then on, queries that need older rows
are refused (raw-data-expired), and so are older trades. Rollups are kept when raw trades are removed: they hold the
long-term history. Rows are then deleted in small steps while ingest goes on; on TimescaleDB, whole chunks are dropped
once they lie before the horizon.

It can be interrupted at any time and run again. Removed rows cannot be restored.

Exit status: 0 when it is complete; 1 when it was interrupted or the database failed; 2 for wrong usage or
configuration, such as keeping less than the configured windows need.

Examples:
  stellarindex prune --dry-run
  stellarindex prune --table trades --older-than 90d
`;

interface Options {
  readonly table?: PrunedTable[];
  readonly olderThan?: string;
  readonly before?: string;
  readonly dryRun?: true;
}

/** Rows to remove: those of `table` before a time. */
interface Cut {
  readonly table: PrunedTable;
  readonly before: Micros;
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Adds `prune`. */
export function addPruneCommand(program: Command): void {
  program
    .command("prune")
    .description("remove old trades and rollups, by default according to [database.retention]")
    .addOption(new Option("--table <table...>", "only rows of these tables").choices(PRUNABLE_TABLES))
    .option("--older-than <duration>", "remove older rows, such as 90d; instead of [database.retention]")
    .addOption(new Option("--before <time>", "remove rows from before this time, RFC 3339").conflicts("olderThan"))
    .option("--dry-run", "print what would be removed, and remove nothing")
    .addHelpText("after", HELP)
    .action(async (options: Options, command: Command) => {
      const loaded = loadConfigOf(command);
      const settings = namedDatabase(loaded);
      const { config } = loaded;
      const now = BigInt(Date.now()) * 1000n;
      const cuts = cutsOf(options, config.database.retention, now);
      requireEnough(cuts, config, now);
      if (cuts.length === 0) {
        print("nothing to prune: [database.retention] keeps every table for ever");
        return;
      }
      const database = await openMigratedDatabase(requireExisting(settings));
      try {
        if (options.dryRun) await announce(database, cuts);
        else if (!(await pruneAll(database, cuts))) process.exitCode = FAILURE;
      } finally {
        await database.close();
      }
    });
}

function cutsOf({ table: named, olderThan, before }: Options, retention: Retention, now: Micros): Cut[] {
  if (olderThan === undefined && before === undefined) {
    const endless = named?.find((table) => retention[table] === 0);
    if (endless !== undefined) {
      throw new UsageError(
        `[database.retention] keeps ${endless} for ever; change that, or use --older-than or --before`,
      );
    }
    return (named ?? PRUNABLE_TABLES)
      .filter((table) => retention[table] > 0)
      .map((table) => ({ table, before: now - seconds(retention[table]) }));
  }
  if (named === undefined) throw new UsageError(`--table is missing; use one of ${PRUNABLE_TABLES.join(", ")}`);
  const moment =
    before === undefined
      ? now - parseOption("--older-than", () => parseDuration(olderThan ?? ""))
      : parseOption("--before", () => parseTime(before));
  if (moment > now) throw new UsageError("--before is in the future");
  return PRUNABLE_TABLES.filter((table) => named.includes(table)).map((table) => ({ table, before: moment }));
}

/** @throws UsageError where less would be kept than the configured windows need, since removed rows are lost */
function requireEnough(cuts: readonly Cut[], config: Config, now: Micros): void {
  const keeps: Retention = { trades: 0, trades_1m: 0, trades_1h: 0 };
  // At least one second: 0 would mean for ever.
  for (const { table, before } of cuts) keeps[table] = Math.max(1, Number((now - before) / MICROS_PER_SECOND));
  const problems = insufficientRetention(keeps, config);
  if (problems.length === 0) return;
  const lines = problems.map(
    ({ table, reason }) => `what ${table} would keep (${formatDuration(keeps[table])}) ${reason}`,
  );
  throw new UsageError(
    `nothing was removed: ${lines.join("\n")}\nkeep more, or remove the windows and pairs that need it`,
  );
}

async function announce(database: Database, cuts: readonly Cut[]): Promise<void> {
  for (const { table, before } of cuts) {
    const { count, unit, completeFrom } = await countPrunable(database, table, before);
    print(`${table}: ${count} ${unit} from before ${formatTime(completeFrom)} would be removed`);
  }
}

/** Removes the rows; returns false where it was interrupted. */
async function pruneAll(database: Database, cuts: readonly Cut[]): Promise<boolean> {
  const signal = stopSignal();
  const progress = createProgress(process.stderr);
  for (const { table, before } of cuts) {
    progress.start(table);
    const pruned = await prune(database, table, before, {
      signal,
      onWait: () => progress.log(`${table}: waiting for an open transaction to end; others are not blocked`),
      onProgress: (done) => progress.update(Math.round(done * 1000), 1000),
    }).finally(() => progress.stop());
    const { completeFrom, count, unit, isInterrupted } = pruned;
    if (completeFrom !== null) print(`${table}: ${count} ${unit} from before ${formatTime(completeFrom)} removed`);
    if (isInterrupted) {
      progress.log("interrupted; run it again to continue");
      return false;
    }
  }
  return true;
}
