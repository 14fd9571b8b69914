import type { Command } from "commander";
import { TRADE_FILE } from "../internal/import/trade-row.ts";
import { importHelp, runImport } from "./import-files.ts";
import { loadConfigOf } from "./settings.ts";

const HELP = importHelp(`\
  ts                        RFC 3339 with a zone: 2026-08-09T21:04:35.345704Z, 2026-08-09 21:04:35+00
  source or venue           lower case: binance, sdex
  base and quote, or pair   crypto:XLM and fiat:USD, or XLM/USD
  price and size, or base_amount and quote_amount
                            whole units, above 0, at most 30 decimals; with both, the amounts are taken
  trade_id                  optional: unique per pair, time and source. Without it, an id is made of the row
                            itself, so that identical rows of one file count, and no file counts twice
`);

/** Adds `import FILE…`, which writes the trades of files to the database. */
export function addImportCommand(program: Command): void {
  program
    .command("import")
    .description("write the trades of CSV or NDJSON files to the database")
    .argument("<files...>", "files to import")
    .addHelpText("after", HELP)
    .action(async (files: string[], _options: unknown, command: Command) => {
      process.exitCode = await runImport(files, TRADE_FILE, loadConfigOf(command).config.database);
    });
}
