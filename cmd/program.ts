import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { packageRoot } from "../internal/lib/package-root.ts";

// Imported on demand, so that a command does not load the modules of the others.
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
  gateway: async () => (await import("./gateway.ts")).addGatewayCommand,
  deliver: async () => (await import("./deliver.ts")).addDeliverCommand,
  events: async () => (await import("./events.ts")).addEventsCommands,
  key: async () => (await import("./key.ts")).addKeyCommand,
  config: async () => (await import("./config.ts")).addConfigCommand,
  doctor: async () => (await import("./doctor.ts")).addDoctorCommand,
  worker: async () => (await import("./worker.ts")).addWorkerCommand,
  collect: async () => (await import("./collect.ts")).addCollectCommand,
  control: async () => (await import("./control.ts")).addControlCommand,
  status: async () => (await import("./status.ts")).addStatusCommand,
};

const HELP = `
The configuration is one TOML file (see config.example.toml). Without one the defaults apply, with an embedded
database in ./stellarindex-data. An environment variable overrides each key, for instance
STELLARINDEX_AGGREGATE_INTERVAL_SECONDS=15.

Exit status: 0 for success, 1 for a failure, 2 for wrong usage or configuration.

Examples:
  stellarindex start                                   run everything in one process, with a simulated market
  stellarindex import trades.csv.gz                    import the trades of a file
  stellarindex compute --pair XLM/USD --window 5m      print one value
  stellarindex aggregator --config stellarindex.toml   publish all values to Redis on a timer
  stellarindex doctor                                  report problems and fixes
  stellarindex status                                  show the published value of every target, and its age
`;

// The README begins with `start --data`, so people try --data with other commands.
const DATA_OF_START =
  "--data is an option of start only; for other commands set STELLARINDEX_DATABASE_URL=pglite:DIRECTORY, or [database] url\n";

/**
 * Returns the command line with the commands that the arguments name, or all of them if they name none. On wrong usage,
 * it writes a message and throws a CommanderError.
 */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command("stellarindex")
    .description("An exact, deterministic price index for Stellar and the markets around it.")
    .version(version())
    .option("--config <file>", "configuration file (TOML); also STELLARINDEX_CONFIG")
    .addHelpText("after", HELP)
    .configureOutput({
      outputError: (text, write) => write(text.includes("'--data'") ? `${text}${DATA_OF_START}` : text),
    })
    .showHelpAfterError("(run with --help for usage)")
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
