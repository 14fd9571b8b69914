import type { Command } from "commander";
import { makePolicy } from "../internal/aggregate/policy.ts";
import { formatDuration } from "../internal/canonical/duration.ts";
import type { LoadedConfig } from "../internal/config/load.ts";
import { formatConfig } from "../internal/config/print.ts";
import { ConfigError } from "../internal/config/problems.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import { namesOfPairs, referencesNeedingStored } from "../internal/config/references.ts";
import { policySettings } from "../internal/config/schema.ts";
import { maskSecrets } from "../internal/config/secrets.ts";
import { refuseUnsharedStores } from "../internal/config/shared-stores.ts";
import { loadConfigOf, loadConfigWithWarnings } from "./settings.ts";

/** Adds `config check` and `config print`; the program has the option `--config FILE`. */
export function addConfigCommand(program: Command): void {
  const config = program.command("config").description("check or show the configuration");
  config
    .command("check")
    .description("say whether the configuration can be used; list everything wrong with it where it cannot")
    .action((_options, command: Command) => {
      const loaded = loadConfigWithWarnings(command);
      process.stdout.write(`${summary(loaded)}\n${unsharedNote(loaded)}${referencesNote(loaded)}`);
    });
  config
    .command("print")
    .description("show the values in effect as TOML, each with where it comes from; secrets are masked")
    .action((_options, command: Command) => {
      process.stdout.write(formatConfig(loadConfigOf(command)));
    });
}

/** What the daemons, unlike `start`, refuse. */
function unsharedNote({ config }: LoadedConfig): string {
  try {
    refuseUnsharedStores(config);
    return "";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `aggregator and api, as processes of their own, refuse it:\n${error.message}\n`;
  }
}

/** Whether prices are compared depends on what the database will hold, which is not looked at here. */
function referencesNote({ config }: LoadedConfig): string {
  const short = referencesNeedingStored(config);
  if (short.length === 0) return "";
  return (
    `${namesOfPairs(short)}: fewer references outside than divergence.min_references (${config.divergence.min_references}); ` +
    "compared only where oracles or aggregators write their prices to trades, which stellarindex doctor looks for\n"
  );
}

function summary({ config, file, origins }: LoadedConfig): string {
  const { aggregate, database, redis } = config;
  const variables = new Set([...origins.values()].flatMap((origin) => ("variable" in origin ? origin.variable : [])));
  return [
    `config ok: ${file ?? "no file"}, ${variables.size} from the environment`,
    `${publishedPairs(config).length} pairs × ${aggregate.windows.length} windows every ${formatDuration(aggregate.interval_seconds)}`,
    `policy ${makePolicy(policySettings(config)).id}`,
    maskSecrets(`database ${database.url}`),
    maskSecrets(`redis ${redis.url}`),
  ].join("; ");
}
