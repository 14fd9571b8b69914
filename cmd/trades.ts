import { type Command, Option } from "commander";
import { parseStoredPair } from "../internal/canonical/pair.ts";
import { formatTime, parseTime } from "../internal/canonical/time.ts";
import { openMigratedDatabase } from "../internal/daemon/migrated-database.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import {
  deleteTradesByHour,
  findTrades,
  type SelectedTrades,
  type TradeSelection,
} from "../internal/storage/trades/corrections.ts";
import { loadConfigOf, namedDatabase, requireExisting } from "./settings.ts";
import { parseOption, UsageError } from "./usage-error.ts";

const HELP = `
Trades are never changed in place. To correct one, delete it and write it again; the rollups of every affected hour
are recomputed in the same transaction, while decoders go on writing.

--dry-run prints how many trades of each source would be deleted, and deletes nothing. If no trade matches, or one of
the ids does not exist, nothing is deleted and the exit status is 1.

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
    .description("delete trades of one stored pair in [from, to) and recompute the rollups")
    .requiredOption("--pair <pair>", "the pair as it is stored, such as crypto:XLM/fiat:USD")
    .requiredOption("--from <time>", "start (inclusive), RFC 3339")
    .requiredOption("--to <time>", "end (exclusive), RFC 3339")
    .option("--source <source>", "only trades of this source")
    .option("--id <trade-id...>", "only trades with these ids")
    .option("--dry-run", "print what would be deleted, and delete nothing")
    .addOption(new Option("--yes", "confirm the deletion").conflicts("dryRun"))
    .addHelpText("after", HELP)
    .action(async ({ source, id, yes, dryRun, ...options }: Options, command: Command) => {
      if (!yes && !dryRun) throw new UsageError("give --yes to delete, or --dry-run to see what would be deleted");
      const pair = parseOption("--pair", () => parseStoredPair(options.pair));
      const from = parseOption("--from", () => parseTime(options.from));
      const to = parseOption("--to", () => parseTime(options.to));
      if (from >= to) throw new UsageError("--from is not before --to");
      const database = await openMigratedDatabase(requireExisting(namedDatabase(loadConfigOf(command))));
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

/** Finds the trades to delete. @throws Error where none matches, or an id does not exist, probably by a typing error */
async function requireTrades(database: Database, selection: TradeSelection): Promise<SelectedTrades[]> {
  const { found, unknownIds } = await findTrades(database, selection);
  if (unknownIds.length > 0) {
    throw new Error(
      `no trade of the pair in this period ${selection.source === undefined ? "" : `of ${selection.source} `}has the id ` +
        `${unknownIds.map((id) => JSON.stringify(id)).join(", ")}; nothing was deleted`,
    );
  }
  if (found.length === 0) {
    throw new Error("no trade of the pair in this period; check --pair, --source, --from and --to");
  }
  return found;
}

function describe({ source, count, first, last }: SelectedTrades): string {
  return `${source}: ${count} trades, from ${formatTime(first)} to ${formatTime(last)},`;
}
