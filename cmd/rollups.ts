import type { Command } from "commander";
import { HOUR } from "../internal/canonical/bucket.ts";
import { formatPair, parseStoredPair } from "../internal/canonical/pair.ts";
import { ceilTo, floorTo, formatTime, parseTime } from "../internal/canonical/time.ts";
import { openMigratedDatabase } from "../internal/daemon/migrated-database.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { createProgress } from "../internal/import/progress.ts";
import type { RollupDifference, RollupRange } from "../internal/storage/rollups/compare.ts";
import { type Verified, verifyRollups } from "../internal/storage/rollups/verify.ts";
import { loadConfigOf, namedDatabase, requireExisting } from "./settings.ts";
import { parseOption, UsageError } from "./usage-error.ts";

const FAILURE = 1;
const SHOWN = 20;
const EARLIEST = parseTime("0001-01-01T00:00:00Z");
const LATEST = parseTime("9999-12-31T23:00:00Z") + HOUR;

const HELP = `
A trigger keeps the rollups correct; use this after a restore, a disk failure or manual changes to the tables. It
compares whole hours, in batches that each read one snapshot, so writers can go on. Hours whose raw trades retention
has removed cannot be compared, and are skipped.

A difference is missing (trades without a rollup), surplus (a rollup without trades) or wrong (some figures differ);
the first ${SHOWN} are shown.

--repair recomputes every hour that differs. Writers into these hours wait for it.

Exit status: 0 when rollups and trades agree, with or without a repair; 1 when they differ, the command was interrupted
or the database failed; 2 for wrong usage or configuration.

Examples:
  stellarindex rollups verify
  stellarindex rollups verify --pair XLM/USD --from 2026-08-01T00:00:00Z --repair
`;

interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly pair?: string;
  readonly repair?: true;
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Adds `rollups verify`. */
export function addRollupsCommand(program: Command): void {
  program
    .command("rollups")
    .description("check rollups against the trades")
    .command("verify")
    .description("compare the rollups with the trades")
    .option("--from <time>", "start (inclusive), RFC 3339; default: the first trade")
    .option("--to <time>", "end (exclusive), RFC 3339")
    .option("--pair <pair>", "only this pair, as it is stored, such as crypto:XLM/fiat:USD")
    .option("--repair", "recompute the rollups that differ")
    .addHelpText("after", HELP)
    .action(async (options: Options, command: Command) => {
      const range = rangeOf(options);
      const database = await openMigratedDatabase(requireExisting(namedDatabase(loadConfigOf(command))));
      const progress = createProgress(process.stderr);
      let shown = 0;
      progress.start("rollups");
      try {
        const verified = await verifyRollups(database, range, {
          repair: options.repair ?? false,
          signal: stopSignal(),
          onProgress: (done) => progress.update(Math.round(done * 1000), 1000),
          onDifference: (difference) => {
            if (shown++ < SHOWN) progress.log(formatDifference(difference));
          },
        });
        progress.stop();
        for (const line of summaryOf(verified, range, options.repair ?? false)) print(line);
        if (verified.left > 0 || verified.isInterrupted) process.exitCode = FAILURE;
      } finally {
        progress.stop();
        await database.close();
      }
    });
}

function rangeOf({ from, to, pair }: Options): RollupRange {
  const range = {
    pair: pair === undefined ? null : parseOption("--pair", () => parseStoredPair(pair)),
    from:
      from === undefined
        ? EARLIEST
        : floorTo(
            parseOption("--from", () => parseTime(from)),
            HOUR,
          ),
    to:
      to === undefined
        ? LATEST
        : ceilTo(
            parseOption("--to", () => parseTime(to)),
            HOUR,
          ),
  };
  if (range.from >= range.to) throw new UsageError("--from is not before --to");
  return range;
}

function formatDifference({ table, pair, bucket, source, kind, figures }: RollupDifference): string {
  const differing = figures.map(({ column, stored, computed }) => `${column} is ${stored}, trades say ${computed}`);
  return `${table} ${formatPair(pair)} ${formatTime(bucket)} ${source}: ${[kind, ...differing].join("; ")}`;
}

function summaryOf(verified: Verified, { from }: RollupRange, repair: boolean): string[] {
  const { completeFrom, trades, differences, left, isInterrupted } = verified;
  const lines = [`${trades} trades counted, ${differences} rollups differ`];
  if (completeFrom !== null && from < completeFrom) {
    lines.push(`skipped hours before ${formatTime(completeFrom)}, whose raw trades have been removed`);
  }
  if (differences > SHOWN) lines.push(`${differences - SHOWN} of the differences are not shown`);
  if (repair && differences > 0) lines.push(`${differences - left} repaired, ${left} left`);
  else if (differences > 0) lines.push("run with --repair to recompute them");
  if (isInterrupted) lines.push("interrupted: the rest was not compared");
  return lines;
}
