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
                            whole units, above 0, at most 30 decimals; with both, the amounts are taken
  trade_id                  optional: unique per pair, time and source. Without it, an id is made: see --ids
`)}
Rows without a trade_id, with --ids:
  hash    The id is made of what the row says: identical rows of one file count, no file counts twice, and files may be
          cut and joined anywhere. Trades of one instant are then in no meaningful order, and so is what shows the first or
          last of them: open and close of candles, TWAP, the last trade. VWAP and volumes do not depend on it.
  place   The id begins with the row's place among the rows of its instant, pair and source, so that open, close and TWAP
          follow the file, which has the oldest trades first. The same file counts once. A file that was cut or joined
          between instants gives the same ids; one that holds a part of an instant gives its rows other places, and they
          count twice beside the whole.
Stay with one of them for a market: what is imported once with each is stored twice. How ids are made: docs/import.md.

Assets that differ from well-known ones only in case are imported as written, counted and named at the end.
`;

/** Adds `import FILE…`, which writes the trades of files to the database. */
export function addImportCommand(program: Command): void {
  program
    .command("import")
    .description("write the trades of CSV or NDJSON files to the database")
    .argument("<files...>", "files to import")
    .addOption(
      new Option("--ids <how>", "what ids of rows without a trade_id go by")
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
