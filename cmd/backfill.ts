import { extname } from "node:path";
import type { Command } from "commander";
import { pairIdentity } from "../internal/aggregate/aliases.ts";
import { makePolicy, type Policy } from "../internal/aggregate/policy.ts";
import {
  configuredPairs,
  configuredSpellings,
  type Grid,
  refuseOneAsset,
  windowSecondsOf,
} from "../internal/aggregate/question.ts";
import { type BackfillResult, runBackfill } from "../internal/backfill/backfill.ts";
import { BACKFILL_FORMATS, type BackfillFormat } from "../internal/backfill/format.ts";
import { openOutput } from "../internal/backfill/output.ts";
import { type BackfillPlan, countEnds } from "../internal/backfill/plan.ts";
import { isClosed, latestClosed } from "../internal/canonical/bucket.ts";
import { parseDuration } from "../internal/canonical/duration.ts";
import { formatPair, type Pair, parseTypedPair } from "../internal/canonical/pair.ts";
import { formatTime, MICROS_PER_SECOND, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import type { Config } from "../internal/config/schema.ts";
import { policySettings } from "../internal/config/schema.ts";
import { createProgress, type Progress } from "../internal/import/progress.ts";
import { systemClock } from "../internal/obs/clock.ts";
import type { Database } from "../internal/storage/database.ts";
import { databaseOf, loadConfigOf, openMigratedDatabase } from "./settings.ts";
import { stopSignal } from "./stop-signal.ts";
import { UsageError, usage } from "./usage-error.ts";

const HELP = `
Writes what is published at every bucket end of a range, after --from and up to --to: the bytes the aggregator
would publish for the trades that are stored now, a line each, by time, then pair, then window. A bucket of which
nothing is published has no line. FILE.jsonl holds the whole values; FILE.csv all of their figures but those of the
single sources and legs.

It can be stopped at any moment and run again with the same options: it goes on where it was. Until the file is
complete, FILE.progress lies beside it. Exit status 1 where it was stopped, or buckets had to be left out because
retention has removed what they need.

Whole minutes are fastest; other ends, windows of more than two days, outlier_method = "mad" and prices through
other markets cost about what \`compute\` costs for each.

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

/** Adds `backfill`, which writes the values of a range to a file. */
export function addBackfillCommand(program: Command): void {
  program
    .command("backfill")
    .description("write the values of every bucket end of a range to a file")
    .option("--pairs <pairs>", "such as XLM/USD,BTC/USD; default: those of the configuration")
    .option("--windows <durations>", "such as 5m,1h,24h; default: those of the configuration")
    .requiredOption("--from <time>", "RFC 3339; bucket ends lie after it")
    .requiredOption("--to <time>", "RFC 3339; the last bucket end lies at or before it")
    .option("--every <duration>", "bucket ends are the multiples of this", "1m")
    .requiredOption("--out <file>", "the file to write, ending in .jsonl or .csv")
    .addHelpText("after", HELP)
    .action(async (options: Options, command: Command) => {
      const format = formatOf(options.out);
      const loaded = loadConfigOf(command);
      const { config } = loaded;
      const policy = makePolicy(policySettings(config));
      const plan = planOf(options, config, policy, systemClock.now());
      const database = await openMigratedDatabase(databaseOf(loaded));
      try {
        process.exitCode = await backfill(database, config, policy, plan, options.out, format);
      } finally {
        await database.close();
      }
    });
}

function formatOf(path: string): BackfillFormat {
  const ending = extname(path).slice(1);
  const format = Object.hasOwn(BACKFILL_FORMATS, ending) ? BACKFILL_FORMATS[ending] : undefined;
  if (format === undefined) throw new UsageError(`--out ${path} ends neither in .jsonl nor in .csv`);
  return format;
}

/** @throws UsageError where an option cannot be used */
function planOf(options: Options, { aggregate, ...config }: Config, policy: Policy, now: Micros): BackfillPlan {
  const grid: Grid = {
    bucketSeconds: aggregate.bucket_seconds,
    intervalSeconds: aggregate.interval_seconds,
    settleSeconds: aggregate.settle_seconds,
  };
  const every = usage("--every", () => parseDuration(options.every));
  if (every === 0n || every % seconds(grid.bucketSeconds) !== 0n) {
    throw new UsageError(`--every ${options.every} is no multiple of bucket_seconds, ${grid.bucketSeconds} s`);
  }
  const from = usage("--from", () => parseTime(options.from));
  if (from < 0n) throw new UsageError(`--from ${formatTime(from)} is before 1970`);
  const to = usage("--to", () => parseTime(options.to));
  if (from >= to) throw new UsageError("--from is not before --to");
  if (!isClosed(to, now, grid.settleSeconds)) {
    const closed = formatTime(latestClosed(now, grid.bucketSeconds, grid.settleSeconds));
    throw new UsageError(`--to ${formatTime(to)} is not closed yet; the latest bucket end that is: ${closed}`);
  }
  const windows =
    options.windows
      ?.split(",")
      .map((text) => usage("--windows", () => windowSecondsOf(parseDuration(text.trim()), grid))) ?? aggregate.windows;
  const configured = publishedPairs({ aggregate, ...config });
  const plan = {
    pairs: options.pairs === undefined ? configured : pairsOf(options.pairs, configured, policy),
    windows: [...new Set(windows)],
    from,
    to,
    everySeconds: Number(every / MICROS_PER_SECOND),
  };
  if (countEnds(plan, null) === 0) {
    throw new UsageError(`between --from and --to lies no multiple of --every ${options.every}`);
  }
  return plan;
}

function pairsOf(text: string, configured: readonly Pair[], policy: Policy): Pair[] {
  const { aliases } = policy;
  const spellings = configuredSpellings(configured, policy);
  const nameOf = configuredPairs(configured, aliases);
  const pairs = new Map<string, Pair>();
  for (const each of text.split(",")) {
    const pair = usage("--pairs", () => refuseOneAsset(parseTypedPair(each.trim(), spellings), aliases));
    pairs.set(pairIdentity(pair, aliases), nameOf(pair) ?? pair);
  }
  return [...pairs.values()];
}

/** @returns the exit status */
async function backfill(
  database: Database,
  { aggregate }: Config,
  policy: Policy,
  plan: BackfillPlan,
  path: string,
  format: BackfillFormat,
): Promise<number> {
  const output = await openOutput(path, questionOf(plan, policy), format.header).catch((error: unknown) =>
    usage("--out", () => {
      throw error;
    }),
  );
  const progress = createProgress(process.stderr);
  const context = {
    database,
    policy,
    concurrency: aggregate.concurrency,
    maxTrades: aggregate.max_trades_per_window,
    settleSeconds: aggregate.settle_seconds,
  };
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

/** All that decides what the file holds. */
function questionOf({ pairs, windows, from, to, everySeconds }: BackfillPlan, policy: Policy): string {
  const names = pairs.map(formatPair);
  return JSON.stringify({
    pairs: names,
    windows,
    from: formatTime(from),
    to: formatTime(to),
    everySeconds,
    policy: policy.id,
  });
}

function report(
  { values, empty, expired, firstExpired, isComplete }: BackfillResult,
  path: string,
  { log }: Progress,
): number {
  if (expired > 0) log(`${expired} buckets were left out, the first of them ${firstExpired}`);
  if (!isComplete) {
    log(`stopped; the same command goes on where ${path} ends`);
    return 1;
  }
  process.stdout.write(`${path}: ${values} values; of ${empty} buckets nothing is published\n`);
  return expired > 0 ? 1 : 0;
}
