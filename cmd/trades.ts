import type { Command } from "commander";
import { HOUR } from "../internal/canonical/bucket.ts";
import { parseStoredPair } from "../internal/canonical/pair.ts";
import { floorTo, type Micros, parseTime } from "../internal/canonical/time.ts";
import { deleteTrades } from "../internal/storage/corrections.ts";
import { loadConfigOf, openMigratedDatabase } from "./settings.ts";
import { UsageError, usage } from "./usage-error.ts";

const HELP = `
Trades are never changed in place. To correct one, delete it and write it again; the rollups of every touched
hour are counted anew in the same transaction, while decoders go on writing.

Example:
  stellarindex trades delete --pair XLM/USD --source kraken \\
    --from 2026-08-09T21:00:00Z --to 2026-08-09T21:05:00Z --id 1068571991 --yes
`;

interface Options {
  readonly pair: string;
  readonly from: string;
  readonly to: string;
  readonly source?: string;
  readonly id?: string[];
}

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
    .requiredOption("--yes", "confirm the deletion")
    .addHelpText("after", HELP)
    .action(async ({ source, id, ...options }: Options, command: Command) => {
      const pair = usage("--pair", () => parseStoredPair(options.pair));
      const from = usage("--from", () => parseTime(options.from));
      const to = usage("--to", () => parseTime(options.to));
      if (from >= to) throw new UsageError("--from is not before --to");
      const database = await openMigratedDatabase(loadConfigOf(command).config.database);
      try {
        const deleted = await deleteByHour({ from, to }, (part) =>
          deleteTrades(database, { pair, ...part, source, tradeIds: id }),
        );
        process.stdout.write(`deleted ${deleted} trades\n`);
      } finally {
        await database.close();
      }
    });
}

/** Hour by hour, so that writers wait for at most one of them. */
async function deleteByHour(
  { from, to }: { from: Micros; to: Micros },
  deletePart: (part: { from: Micros; to: Micros }) => Promise<number>,
): Promise<number> {
  let deleted = 0;
  for (let start = from; start < to; ) {
    const end = floorTo(start, HOUR) + HOUR;
    deleted += await deletePart({ from: start, to: end < to ? end : to });
    start = end;
  }
  return deleted;
}
