import { type Command, Option } from "commander";
import { ID_SCHEMES, type IdMode } from "../internal/import/trade-id.ts";
import { TRADE_FILE } from "../internal/import/trade-row.ts";
import { importHelp, runImport } from "./import-files.ts";
import { databaseOf, loadConfigOf } from "./settings.ts";

const HELP = `${importHelp(`\
  ts                        RFC 3339 with a zone: 2026-08-09T21:04:35.345704Z, 2026-08-09 21:04:35+00
  source or venue           lower case: binance, sdex
  base and quote, or pair   crypto:XLM and fiat:USD, or XLM/USD; CODE-ISSUER or CODE:ISSUER
  price and size, or base_amount and quote_amount
                            whole units, above 0, at most 30 decimals; the amounts take precedence
  trade_id                  optional: unique per pair, time and source. Without it, an id is generated: see --ids
`)}
Ids of rows without a trade_id, with --ids:
  hash    The id is a hash of the row. Identical rows of one file all count, a file that is imported again does not, and
          files may be split and joined anywhere. Trades with the same timestamp are in arbitrary order, which can change
          open and close of candles, TWAP and the last trade; VWAP and volumes do not depend on it.
  place   The id begins with the row's position among the rows with the same timestamp, pair and source, so that open,
          close and TWAP follow the order of the file (oldest trades first). A file that is imported again does not
          count. Files may be split and joined between timestamps only: rows of a timestamp that is split over two files
          get other positions, and count twice if the whole file is imported as well.
Use the same one for all files of a market: a trade that is imported with both is stored twice. See docs/import.md.

Assets that differ from well-known ones only in case are imported as written, counted, and listed at the end.
`;

/** Adds `import FILE…`, which writes the trades of files to the database. */
export function addImportCommand(program: Command): void {
  program
    .command("import")
    .description("import trades from CSV or NDJSON files")
    .argument("<files...>", "files to import")
    .addOption(
      new Option("--ids <how>", "how to generate the ids of rows without a trade_id")
        .choices(Object.keys(ID_SCHEMES))
        .default("hash"),
    )
    .addHelpText("after", HELP)
    .action(async (files: string[], { ids }: { ids: IdMode }, command: Command) => {
      const loaded = loadConfigOf(command);
      const config = { ...loaded.config, database: databaseOf(loaded) };
      process.exitCode = await runImport(files, TRADE_FILE, config, ids);
    });
}
