import { extname } from "node:path";
import type { Command } from "commander";
import { type BackfillResult, runBackfill } from "../internal/backfill/backfill.ts";
import { BACKFILL_FORMATS, type BackfillFormat } from "../internal/backfill/format.ts";
import { openOutput } from "../internal/backfill/output.ts";
import { type BackfillPlan, countEnds } from "../internal/backfill/plan.ts";
import { type BackfillDefaults, contentId, planOf } from "../internal/backfill/request.ts";
import { parseDuration } from "../internal/canonical/duration.ts";
import { type Micros, parseTime } from "../internal/canonical/time.ts";
import { backfillSettings } from "../internal/config/backfill-settings.ts";
import { openMigratedDatabase } from "../internal/daemon/migrated-database.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { createProgress, type Progress } from "../internal/import/progress.ts";
import { systemClock } from "../internal/lib/clock.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { databaseOf, loadConfigOf, requireExisting } from "./settings.ts";
import { asUsage, parseOption, UsageError } from "./usage-error.ts";

const HELP = `
Writes a line for every bucket end after --from and up to --to, sorted by time, pair and window: the bytes that the
aggregator would publish for the trades that are stored now. A bucket without a published value has no line. FILE.jsonl
contains the complete values; FILE.csv all figures except those per source and leg.

It can be interrupted at any time; the same command continues where it stopped. FILE.progress exists until the file is
complete. Exit status 1: it was interrupted, or buckets were skipped because retention has removed their trades.

Whole minutes are fastest. Other bucket ends, windows of more than two days, outlier_method = "mad" and prices through
other markets cost as much as one \`compute\` each.

Example:
  stellarindex backfill --pairs XLM/USD,BTC/USD --windows 5m,1h,24h \\
    --from 2026-08-09T00:00:00Z --to 2026-08-10T00:00:00Z --every 1m --out prices.jsonl
`;

interface Options {
  readonly pairs?: string;
  readonly windows?: string;
  readonly from: string;
  readonly to: string;
  readonly every: string;
  readonly out: string;
}

/** Adds `backfill`, which writes the values of a time range to a file. */
export function addBackfillCommand(program: Command): void {
  program
    .command("backfill")
    .description("write the values of a time range to a file")
    .option("--pairs <pairs>", "such as XLM/USD,BTC/USD; default: the configured ones")
    .option("--windows <durations>", "such as 5m,1h,24h; default: the configured ones")
    .requiredOption("--from <time>", "start of the bucket ends (exclusive), RFC 3339")
    .requiredOption("--to <time>", "end of the bucket ends (inclusive), RFC 3339")
    .option("--every <duration>", "distance between bucket ends, which are its multiples", "1m")
    .requiredOption("--out <file>", "the file to write, ending in .jsonl or .csv")
    .addHelpText("after", HELP)
    .action(async (options: Options, command: Command) => {
      const format = formatOf(options.out);
      const loaded = loadConfigOf(command);
      const { config } = loaded;
      const settings = backfillSettings(config);
      const plan = planOfOptions(options, settings.defaults, systemClock.now());
      const database = await openMigratedDatabase(requireExisting(databaseOf(loaded)));
      try {
        process.exitCode = await backfill(database, settings, plan, options.out, format);
      } finally {
        await database.close();
      }
    });
}

function formatOf(path: string): BackfillFormat {
  const ending = extname(path).slice(1);
  const format = Object.hasOwn(BACKFILL_FORMATS, ending) ? BACKFILL_FORMATS[ending] : undefined;
  if (format === undefined) throw new UsageError(`--out ${path} must end in .jsonl or .csv`);
  return format;
}

/** @throws UsageError where an option is invalid */
function planOfOptions(options: Options, defaults: BackfillDefaults, now: Micros): BackfillPlan {
  const request = {
    pairs: options.pairs?.split(",") ?? null,
    windows:
      options.windows?.split(",").map((text) => parseOption("--windows", () => parseDuration(text.trim()))) ?? null,
    from: parseOption("--from", () => parseTime(options.from)),
    to: parseOption("--to", () => parseTime(options.to)),
    every: parseOption("--every", () => parseDuration(options.every)),
  };
  const plan = asUsage(() => planOf(request, defaults, now, (field) => `--${field}`));
  if (countEnds(plan, null) === 0) {
    throw new UsageError(`there is no multiple of --every ${options.every} between --from and --to`);
  }
  return plan;
}

/** @returns the exit status */
async function backfill(
  database: Database,
  { policy, limits }: ReturnType<typeof backfillSettings>,
  plan: BackfillPlan,
  path: string,
  format: BackfillFormat,
): Promise<number> {
  const output = await openOutput(path, contentId(plan, policy), format.header).catch((error: unknown) =>
    parseOption("--out", () => {
      throw error;
    }),
  );
  const progress = createProgress(process.stderr);
  const context = { database, policy, ...limits };
  const signal = stopSignal();
  let result: BackfillResult | null = null;
  progress.start(path);
  try {
    result = await runBackfill(context, plan, {
      format,
      output,
      signal,
      onProgress: (done, total) => progress.update(done, total),
    });
  } finally {
    progress.stop();
    await output.close(result?.isComplete === true);
  }
  return report(result, path, progress);
}

function report(
  { values, empty, expired, firstExpired, isComplete }: BackfillResult,
  path: string,
  { log }: Progress,
): number {
  if (expired > 0) log(`${expired} buckets were skipped, the first: ${firstExpired}`);
  if (!isComplete) {
    log(`stopped; the same command continues where ${path} ends`);
    return 1;
  }
  process.stdout.write(`${path}: ${values} values; ${empty} buckets without a published value\n`);
  return expired > 0 ? 1 : 0;
}
