import type { Command } from "commander";
import { type Config, policySettings } from "../internal/config/schema.ts";
import { rateFile } from "../internal/import/rate-row.ts";
import { makePolicy } from "../internal/policy/policy.ts";
import { fxSources } from "../internal/policy/registry.ts";
import { importHelp, requireFiles, runImport } from "./import-files.ts";
import { databaseOf, loadConfigOf } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `
Rates of FX sources convert volumes in other currencies to USD. A rate is stored as a trade of its source: 1 of base
for the rate of quote, at 16:00 in Berlin on its day (15:00 or, in summer, 14:00 UTC), with the date as trade id.
${importHelp(`\
  date             the day of the rate as YYYY-MM-DD, from 1999 on
  base and quote   codes of two currencies: EUR, USD
  rate             units of quote per unit of base: above 0, at most 30 decimals
`)}
Example of a file (1 EUR = 1.3348 USD):
  date,base,quote,rate
  2011-01-03,EUR,USD,1.3348

The European Central Bank publishes its euro foreign exchange reference rates at about 16:00 on working days.
https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip has them since 1999, with a column per currency. To convert
it to a row per rate:
  unzip -p eurofxref-hist.zip | awk -F, 'NR == 1 { split($0, code); print "date,base,quote,rate"; next }
    { for (i = 2; i <= NF; i++) if ($i ~ /[0-9]/) print $1 ",EUR," code[i] "," $i }' > ecb.csv
`;

/** Adds `import-fx FILE…`, which writes reference exchange rates to the database as trades of an FX source. */
export function addImportFxCommand(program: Command): void {
  program
    .command("import-fx")
    .description("import reference exchange rates from CSV or NDJSON files")
    .argument("<files...>", "files to import")
    .option("--source <name>", "the FX source of the rates", "ecb")
    .addHelpText("after", HELP)
    .action(async (files: string[], { source }: { source: string }, command: Command) => {
      const loaded = loadConfigOf(command);
      requireFxSource(source, loaded.config);
      requireFiles(files);
      const config = { ...loaded.config, database: databaseOf(loaded) };
      process.exitCode = await runImport({ files, kind: rateFile(source) }, config);
    });
}

function requireFxSource(source: string, config: Config): void {
  const known = fxSources(makePolicy(policySettings(config)).registry);
  if (known.includes(source)) return;
  throw new UsageError(
    `--source: ${JSON.stringify(source)} is not an FX source; use ${known.join(", ")}, or add one with ` +
      `[[sources]], class = "exchange" and subclass = "fx"`,
  );
}
