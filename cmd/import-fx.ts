import type { Command } from "commander";
import { makePolicy } from "../internal/aggregate/policy.ts";
import { type Config, policySettings } from "../internal/config/schema.ts";
import { rateFile } from "../internal/import/rate-row.ts";
import { fxSources } from "../internal/sources/registry.ts";
import { importHelp, runImport } from "./import-files.ts";
import { databaseOf, loadConfigOf } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `
Rates of FX sources tell what volumes in other currencies are worth in USD. A rate is stored as a trade of its
source: 1 of base for the rate of quote, at 16:00 in Berlin on its day (15:00 or, in summer, 14:00 in UTC), with
the date as its trade id.
${importHelp(`\
  date             YYYY-MM-DD, the day of the rate, from 1999 on
  base and quote   codes of two currencies: EUR, USD
  rate             units of quote for one of base: above 0, at most 30 decimals
`)}
Example of a file, in which one euro is 1.3348 dollars:
  date,base,quote,rate
  2011-01-03,EUR,USD,1.3348

The European Central Bank publishes its euro foreign exchange reference rates at about 16:00 on working days.
https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip has them since 1999, in a column per currency. To turn
that into a row per rate:
  unzip -p eurofxref-hist.zip | awk -F, 'NR == 1 { split($0, code); print "date,base,quote,rate"; next }
    { for (i = 2; i <= NF; i++) if ($i ~ /[0-9]/) print $1 ",EUR," code[i] "," $i }' > ecb.csv
`;

/** Adds `import-fx FILE…`, which writes reference exchange rates to the database as trades of an FX source. */
export function addImportFxCommand(program: Command): void {
  program
    .command("import-fx")
    .description("write the reference exchange rates of CSV or NDJSON files to the database")
    .argument("<files...>", "files to import")
    .option("--source <name>", "the FX source that the rates are of", "ecb")
    .addHelpText("after", HELP)
    .action(async (files: string[], { source }: { source: string }, command: Command) => {
      const loaded = loadConfigOf(command);
      requireFxSource(source, loaded.config);
      const config = { ...loaded.config, database: databaseOf(loaded) };
      process.exitCode = await runImport(files, rateFile(source), config);
    });
}

function requireFxSource(source: string, config: Config): void {
  const known = fxSources(makePolicy(policySettings(config)).registry);
  if (known.includes(source)) return;
  throw new UsageError(
    `--source: ${JSON.stringify(source)} is no FX source. There are ${known.join(", ")}; ` +
      `[[sources]] with class = "exchange" and subclass = "fx" adds others`,
  );
}
