import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { packageRoot } from "../internal/package/root.ts";

// Each with what it needs: a command is not kept waiting for the modules of the others.
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  start: async () => (await import("./start.ts")).addStartCommand,
  aggregator: async () => (await import("./aggregator.ts")).addAggregatorCommand,
  api: async () => (await import("./api.ts")).addApiCommand,
  migrate: async () => (await import("./migrate.ts")).addMigrateCommand,
  import: async () => (await import("./import.ts")).addImportCommand,
  "import-fx": async () => (await import("./import-fx.ts")).addImportFxCommand,
  trades: async () => (await import("./trades.ts")).addTradesCommand,
  rollups: async () => (await import("./rollups.ts")).addRollupsCommand,
  prune: async () => (await import("./prune.ts")).addPruneCommand,
  backup: async () => (await import("./backup.ts")).addBackupCommand,
  compute: async () => (await import("./compute.ts")).addComputeCommand,
  backfill: async () => (await import("./backfill.ts")).addBackfillCommand,
  key: async () => (await import("./key.ts")).addKeyCommand,
  config: async () => (await import("./config.ts")).addConfigCommand,
  doctor: async () => (await import("./doctor.ts")).addDoctorCommand,
  status: async () => (await import("./status.ts")).addStatusCommand,
};

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
  stellarindex doctor                                  what is wrong, and the cure
  stellarindex status                                  what Redis holds of every target, and how old it is
`;

/**
 * The command line, with the commands that the arguments name, or all where they name none. Wrong usage throws a
 * CommanderError once the message is written.
 */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command("stellarindex")
    .description("An exact, deterministic price index for Stellar and the markets around it.")
    .version(version())
    .option("--config <file>", "configuration file (TOML); also STELLARINDEX_CONFIG")
    .addHelpText("after", HELP)
    .showHelpAfterError("(run with --help for how to use it)")
    .exitOverride();
  const all = Object.keys(COMMANDS);
  const named = all.filter((name) => args.includes(name));
  const adds = await Promise.all((named.length > 0 ? named : all).map((name) => COMMANDS[name]?.()));
  for (const add of adds) add?.(program);
  return program;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string };
  return version;
}
