import { type Command, Option } from "commander";
import { formatDuration, parseDuration } from "../internal/canonical/duration.ts";
import { formatTime, MICROS_PER_SECOND, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import { type Retention, tooShort } from "../internal/config/retention.ts";
import type { Config } from "../internal/config/schema.ts";
import { createProgress } from "../internal/import/progress.ts";
import type { Database } from "../internal/storage/database.ts";
import { countPrunable, type PrunedTable, prune } from "../internal/storage/prune.ts";
import { loadConfigOf, namedDatabase, openMigratedDatabase } from "./settings.ts";
import { stopSignal } from "./stop-signal.ts";
import { UsageError, usage } from "./usage-error.ts";

const TABLES = ["trades", "trades_1m", "trades_1h"] as const;
const FAILURE = 1;

const HELP = `
Without options, each table is cut to what [database.retention] says: run it every day, from cron for instance. With
--older-than or --before, the named tables are cut to that.

A table is complete from a whole hour on, which is stored first. Questions that need rows from before it are refused
(raw-data-expired) from then on, and so are trades from before. Rollups are kept when raw trades go: they are the long
memory. What lies before is deleted in small steps beside ingest; on TimescaleDB, whole chunks are dropped once they
lie before it.

It can be stopped at any time and run again. What is removed cannot be brought back.

Exit status: 0 when all of it is done; 1 when it was interrupted or the database failed; 2 for wrong usage or
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

/** What is to be removed: of `table`, all before. */
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
    .description("remove old trades and rollups, by default as [database.retention] says")
    .addOption(new Option("--table <table...>", "only of these tables").choices(TABLES))
    .option("--older-than <duration>", "remove what is older, such as 90d; instead of [database.retention]")
    .addOption(new Option("--before <time>", "remove what is before, RFC 3339").conflicts("olderThan"))
    .option("--dry-run", "say what would be removed, and remove nothing")
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
      const database = await openMigratedDatabase(settings);
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
        `[database.retention] keeps ${endless} for ever; set it there, or give --older-than or --before`,
      );
    }
    return (named ?? TABLES)
      .filter((table) => retention[table] > 0)
      .map((table) => ({ table, before: now - seconds(retention[table]) }));
  }
  if (named === undefined) throw new UsageError(`name what to cut with --table: ${TABLES.join(", ")}`);
  const moment =
    before === undefined
      ? now - usage("--older-than", () => parseDuration(olderThan ?? ""))
      : usage("--before", () => parseTime(before));
  if (moment > now) throw new UsageError("--before is in the future");
  return TABLES.filter((table) => named.includes(table)).map((table) => ({ table, before: moment }));
}

/** What was removed by mistake is gone. */
function requireEnough(cuts: readonly Cut[], config: Config, now: Micros): void {
  const keeps: Retention = { trades: 0, trades_1m: 0, trades_1h: 0 };
  // Less than a second is refused like a second: 0 would be for ever.
  for (const { table, before } of cuts) keeps[table] = Math.max(1, Number((now - before) / MICROS_PER_SECOND));
  const problems = tooShort(keeps, config);
  if (problems.length === 0) return;
  const lines = problems.map(
    ({ table, reason }) => `what is kept of ${table} (${formatDuration(keeps[table])}) ${reason}`,
  );
  throw new UsageError(
    `nothing was removed: ${lines.join("\n")}\nkeep more, or have no windows and pairs that need it`,
  );
}

async function announce(database: Database, cuts: readonly Cut[]): Promise<void> {
  for (const { table, before } of cuts) {
    const { count, unit, completeFrom } = await countPrunable(database, table, before);
    print(`${table}: ${count} ${unit} from before ${formatTime(completeFrom)} would be removed`);
  }
}

/** Returns whether all of it was done. */
async function pruneAll(database: Database, cuts: readonly Cut[]): Promise<boolean> {
  const signal = stopSignal();
  const progress = createProgress(process.stderr);
  for (const { table, before } of cuts) {
    progress.start(table);
    const pruned = await prune(database, table, before, {
      signal,
      onWait: () =>
        progress.log(`${table}: waiting for a transaction that still reads or writes; others go on meanwhile`),
      onProgress: (done) => progress.update(Math.round(done * 1000), 1000),
    }).finally(() => progress.stop());
    const { completeFrom, count, unit, isInterrupted } = pruned;
    if (completeFrom !== null) print(`${table}: ${count} ${unit} from before ${formatTime(completeFrom)} removed`);
    if (isInterrupted) {
      progress.log("interrupted; run it again to go on");
      return false;
    }
  }
  return true;
}
