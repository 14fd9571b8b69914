import { type Command, Option } from "commander";
import { dryRun } from "../internal/import/dry-run.ts";
import type { Given } from "../internal/import/formats/given.ts";
import { FORMATS } from "../internal/import/formats/list.ts";
import type { Input } from "../internal/import/input.ts";
import { type OpenInputs, openInputs, STDIN } from "../internal/import/inputs.ts";
import { notInTheFuture } from "../internal/import/not-future.ts";
import { ID_SCHEMES, type IdMode } from "../internal/import/trade-id.ts";
import { TRADE_FILE } from "../internal/import/trade-row.ts";
import { systemClock } from "../internal/lib/clock.ts";
import { importHelp, requireFiles, runImport } from "./import-files.ts";
import { addFormatOptions, type FormatOptions, givenOf } from "./import-options.ts";
import { databaseOf, loadConfigOf } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

const LONGEST = Math.max(...FORMATS.map(({ name }) => name.length));
const OTHERS = `Standard input (-)
is copied to the temporary directory first, as a file may have to be read twice; other pipes are not supported.`;

const HELP = `${importHelp(
  `\
  ts                        RFC 3339 with a zone: 2026-08-09T21:04:35.345704Z, 2026-08-09 21:04:35+00
  source or venue           lower case: binance, sdex
  base and quote, or pair   crypto:XLM and fiat:USD, or XLM/USD; CODE-ISSUER or CODE:ISSUER
  price and size, or base_amount and quote_amount
                            whole units, above 0, at most 30 decimals; the amounts take precedence
  trade_id                  optional: unique per pair, time and source. Without it, an id is generated: see --ids
`,
  OTHERS,
)}
These formats are recognized as well, in gzip and zip, too; docs/import.md says what is read of each:
${FORMATS.map(({ name, title }) => `  ${name.padEnd(LONGEST)}  ${title.replaceAll("`", "")}`).join("\n")}
What was understood is printed before the first row is written; --dry-run stops there and shows five rows. Where neither
a file nor its name tells the source, the pair, the unit or the zone of times, the file is refused, and the option to add
is named. Files in other forms are read with --map:
  stellarindex import --map ts=time,price=p,size=q --source binance --pair XRP/ETH --time-unit ms trades.csv
  stellarindex import --no-header --map ts=1,price=2,size=3 --source mine --pair XLM/USD --zone UTC trades.csv

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
  const command = program
    .command("import")
    .description("import trades from files of venues and tools: CSV, JSON, gzip, zip")
    .argument("<files...>", "files to import; - is standard input")
    .addOption(
      new Option("--ids <how>", "how to generate the ids of rows without a trade_id")
        .choices(Object.keys(ID_SCHEMES))
        .default("hash"),
    );
  addFormatOptions(command)
    .option("--dry-run", "print what is understood of the files and five rows of each, and write nothing")
    .addHelpText("after", HELP)
    .action(async (files: string[], options: ImportOptions, command: Command) => {
      const given = givenOf(options);
      requireFiles(files.filter((file) => file !== STDIN));
      if (files.indexOf(STDIN) !== files.lastIndexOf(STDIN)) throw new UsageError("-: standard input is read once");
      const opened = await openOrInterrupt(files);
      try {
        process.exitCode = options.dryRun
          ? await showOnly(opened.inputs, given)
          : await importAll(opened.inputs, given, options.ids, command);
      } finally {
        await opened.close();
      }
    });
}

interface ImportOptions extends FormatOptions {
  readonly ids: IdMode;
  readonly dryRun?: boolean;
}

/** Opens the inputs; a signal ends the copying of standard input, and removes the copy. */
async function openOrInterrupt(files: readonly string[]): Promise<OpenInputs> {
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort(new Error("interrupted while standard input was copied"));
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    return await openInputs(files, process.stdin, interruption.signal);
  } catch (error) {
    throw interruption.signal.aborted ? interruption.signal.reason : error;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

async function importAll(files: readonly Input[], given: Given, ids: IdMode, command: Command): Promise<number> {
  const loaded = loadConfigOf(command);
  const config = { ...loaded.config, database: databaseOf(loaded) };
  return runImport({ files, kind: TRADE_FILE, ids, given }, config);
}

async function showOnly(inputs: readonly Input[], given: Given): Promise<number> {
  const isGood = await dryRun(inputs, {
    kind: notInTheFuture(TRADE_FILE, systemClock.now),
    given,
    print: (line) => process.stdout.write(`${line}\n`),
    complain: (line) => process.stderr.write(`${line}\n`),
  });
  return isGood ? 0 : 1;
}
