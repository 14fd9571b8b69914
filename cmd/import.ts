import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { Config } from "../internal/config/schema.ts";
import { importFiles } from "../internal/import/import-files.ts";
import { createProgress, type Progress } from "../internal/import/progress.ts";
import { writeTrades } from "../internal/storage/trades.ts";
import { loadConfigOf, openMigratedDatabase } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

const FAILURE = 1;

const HELP = `
Files are CSV with a header line, or NDJSON (one object a line, same names), plain or gzip; told by the content.

  ts                        RFC 3339 with a zone: 2026-08-09T21:04:35.345704Z, 2026-08-09 21:04:35+00
  source or venue           lower case: binance, sdex
  base and quote, or pair   crypto:XLM and fiat:USD, or XLM/USD
  price and size, or base_amount and quote_amount
                            whole units, above 0, at most 30 decimals; with both, the amounts are taken
  trade_id                  optional: unique per pair, time and source. Without it, an id is made of the row
                            itself, so that identical rows of one file count, and no file counts twice

Other columns are ignored. A row is one line. A bad row is reported and skipped. What is stored already is left
as it is, so that an import can be run again; trades of the file that are stored with other amounts are named.

Exit status: 0 when every file was read to its end, bad rows or not; 1 when a file is not one of trades or is
broken, the database failed, or the import was interrupted; 2 for wrong usage, such as a file that is not there.
`;

/** Adds `import FILE…`, which writes the trades of files to the database. */
export function addImportCommand(program: Command): void {
  program
    .command("import")
    .description("write the trades of CSV or NDJSON files to the database")
    .argument("<files...>", "files to import")
    .addHelpText("after", HELP)
    .action(async (files: string[], _options: unknown, command: Command) => {
      process.exitCode = await runImport(files, command);
    });
}

async function runImport(files: readonly string[], command: Command): Promise<number> {
  const absent = files.filter((file) => !existsSync(file));
  if (absent.length > 0) throw new UsageError(`no such file: ${absent.join(", ")}`);
  const { database } = loadConfigOf(command).config;
  if (database.url === "pglite:memory") {
    throw new UsageError("database.url is pglite:memory, which is gone when the import ends; name a directory");
  }
  return (await importInto(database, files, createProgress(process.stderr))) ? 0 : FAILURE;
}

async function importInto(
  settings: Config["database"],
  files: readonly string[],
  progress: Progress,
): Promise<boolean> {
  const interruption = new AbortController();
  const interrupt = (): void => {
    progress.log("stopping once what has been read is stored");
    interruption.abort();
  };
  const db = await openMigratedDatabase(settings);
  try {
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    return await importFiles(files, {
      write: (rows) => writeTrades(db, rows),
      signal: interruption.signal,
      progress,
      print: (line) => process.stdout.write(`${line}\n`),
    });
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await db.close();
  }
}
