import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { packageRoot } from "../internal/package/root.ts";
import { addAggregatorCommand } from "./aggregator.ts";
import { addApiCommand } from "./api.ts";
import { addBackfillCommand } from "./backfill.ts";
import { addComputeCommand } from "./compute.ts";
import { addConfigCommand } from "./config.ts";
import { addImportCommand } from "./import.ts";
import { addImportFxCommand } from "./import-fx.ts";
import { addMigrateCommand } from "./migrate.ts";
import { addPruneCommand } from "./prune.ts";
import { addRollupsCommand } from "./rollups.ts";
import { addStartCommand } from "./start.ts";
import { addTradesCommand } from "./trades.ts";

const HELP = `
The configuration is one TOML file (see config.example.toml); without one the defaults hold: an embedded
database in ./stellarindex-data. Every key has an environment override, for instance
STELLARINDEX_AGGREGATE_INTERVAL_SECONDS=15.

Exit status: 0 for success, 1 for a failure, 2 for wrong usage or configuration.

Examples:
  stellarindex start                                   everything in one go, with a simulated market
  stellarindex import trades.csv.gz                    write trades of a file to the database
  stellarindex compute --pair XLM/USD --window 5m      print one value
  stellarindex aggregator --config stellarindex.toml   keep values fresh in Redis
`;

/** The whole command line. Wrong usage throws a CommanderError once the message is written. */
export function createProgram(): Command {
  const program = new Command("stellarindex")
    .description("An exact, deterministic price index for Stellar and the markets around it.")
    .version(version())
    .option("--config <file>", "configuration file (TOML); also STELLARINDEX_CONFIG")
    .addHelpText("after", HELP)
    .showHelpAfterError("(run with --help for how to use it)")
    .exitOverride();
  addStartCommand(program);
  addAggregatorCommand(program);
  addApiCommand(program);
  addMigrateCommand(program);
  addImportCommand(program);
  addImportFxCommand(program);
  addTradesCommand(program);
  addRollupsCommand(program);
  addPruneCommand(program);
  addComputeCommand(program);
  addBackfillCommand(program);
  addConfigCommand(program);
  return program;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string };
  return version;
}
