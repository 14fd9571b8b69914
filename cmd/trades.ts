import { type Command, Option } from "commander";
import { parseStoredPair } from "../internal/canonical/pair.ts";
import { formatTime, parseTime } from "../internal/canonical/time.ts";
import {
  deleteTradesByHour,
  findTrades,
  type SelectedTrades,
  type TradeSelection,
} from "../internal/storage/corrections.ts";
import type { Database } from "../internal/storage/database.ts";
import { loadConfigOf, namedDatabase, openMigratedDatabase } from "./settings.ts";
import { UsageError, usage } from "./usage-error.ts";

const HELP = `
Trades are never changed in place. To correct one, delete it and write it again; the rollups of every touched
hour are counted anew in the same transaction, while decoders go on writing.

With --dry-run it says how many trades of which source would be deleted, and deletes nothing. Where no trade is there
to delete, or one of the ids is no trade's, nothing is deleted and the exit status is 1.

Examples:
  stellarindex trades delete --pair XLM/USD --source kraken \\
    --from 2026-08-09T21:00:00Z --to 2026-08-09T21:05:00Z --dry-run
  stellarindex trades delete --pair XLM/USD --source kraken \\
    --from 2026-08-09T21:00:00Z --to 2026-08-09T21:05:00Z --id 1068571991 --yes
`;

interface Options {
  readonly pair: string;
  readonly from: string;
  readonly to: string;
  readonly source?: string;
  readonly id?: string[];
  readonly yes?: true;
  readonly dryRun?: true;
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Adds `trades delete`. */
export function addTradesCommand(program: Command): void {
  program
    .command("trades")
    .description("correct stored trades")
    .command("delete")
    .description("delete trades of one stored pair in [from, to) and count the rollups anew")
    .requiredOption("--pair <pair>", "the pair as it is stored, such as crypto:XLM/fiat:USD")
    .requiredOption("--from <time>", "RFC 3339, the first moment")
    .requiredOption("--to <time>", "RFC 3339, the first moment that is left alone")
    .option("--source <source>", "only of this source")
    .option("--id <trade-id...>", "only these trades")
    .option("--dry-run", "say what would be deleted, and delete nothing")
    .addOption(new Option("--yes", "confirm the deletion").conflicts("dryRun"))
    .addHelpText("after", HELP)
    .action(async ({ source, id, yes, dryRun, ...options }: Options, command: Command) => {
      if (!yes && !dryRun) throw new UsageError("give --yes to delete, or --dry-run to see what would be deleted");
      const pair = usage("--pair", () => parseStoredPair(options.pair));
      const from = usage("--from", () => parseTime(options.from));
      const to = usage("--to", () => parseTime(options.to));
      if (from >= to) throw new UsageError("--from is not before --to");
      const database = await openMigratedDatabase(namedDatabase(loadConfigOf(command)));
      try {
        const selection = { pair, from, to, source, tradeIds: id };
        const found = await requireTrades(database, selection);
        if (dryRun) for (const each of found) print(`${describe(each)} would be deleted`);
        else print(`deleted ${await deleteTradesByHour(database, selection)} trades`);
      } finally {
        await database.close();
      }
    });
}

/** @throws Error where there is nothing to delete, or not all that was named: a slip of the pen, which deletes nothing */
async function requireTrades(database: Database, selection: TradeSelection): Promise<SelectedTrades[]> {
  const { found, unknownIds } = await findTrades(database, selection);
  if (unknownIds.length > 0) {
    throw new Error(
      `no trade of the pair in this time ${selection.source === undefined ? "" : `of ${selection.source} `}has the id ` +
        `${unknownIds.map((id) => JSON.stringify(id)).join(", ")}; nothing was deleted`,
    );
  }
  if (found.length === 0) {
    throw new Error("no trade of the pair is there in this time; check --pair, --source, --from and --to");
  }
  return found;
}

function describe({ source, count, first, last }: SelectedTrades): string {
  return `${source}: ${count} trades, from ${formatTime(first)} to ${formatTime(last)},`;
}
