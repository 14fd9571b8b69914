import type { Command } from "commander";
import { formatDuration } from "../internal/canonical/duration.ts";
import type { LoadedConfig } from "../internal/config/load.ts";
import { formatConfig } from "../internal/config/print.ts";
import { ConfigError } from "../internal/config/problems.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import { namesOfPairs, referencesNeedingStored } from "../internal/config/references.ts";
import { policySettings } from "../internal/config/schema.ts";
import { maskSecrets } from "../internal/config/secrets.ts";
import { refuseUnsharedStores } from "../internal/config/shared-stores.ts";
import { makePolicy, policyText } from "../internal/policy/policy.ts";
import { loadConfigOf, loadConfigWithWarnings } from "./settings.ts";

/** Adds `config check` and `config print`; the program has the option `--config FILE`. */
export function addConfigCommand(program: Command): void {
  const config = program.command("config").description("check or show the configuration");
  config
    .command("check")
    .description("report all problems of the configuration and their fixes")
    .action((_options, command: Command) => {
      const loaded = loadConfigWithWarnings(command);
      process.stdout.write(`${summary(loaded)}\n${unsharedNote(loaded)}${referencesNote(loaded)}`);
    });
  config
    .command("print")
    .description("show the values in effect as TOML, with the origin of each; secrets are masked")
    .option("--policy", "the policy document instead: the text whose SHA-256 published values carry as `policy`")
    .action(({ policy = false }: { policy?: boolean }, command: Command) => {
      const loaded = loadConfigOf(command);
      process.stdout.write(
        policy ? `${policyText(makePolicy(policySettings(loaded.config)))}\n` : formatConfig(loaded),
      );
    });
}

/** Returns a note where the configuration works for `start` only, not for separate daemons. */
function unsharedNote({ config }: LoadedConfig): string {
  try {
    refuseUnsharedStores(config);
    return "";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `aggregator and api refuse it, as separate processes:\n${error.message}\n`;
  }
}

/** Returns a note where comparisons depend on references stored in the database, which is not read here. */
function referencesNote({ config }: LoadedConfig): string {
  const short = referencesNeedingStored(config);
  if (short.length === 0) return "";
  return (
    `${namesOfPairs(short)}: fewer external references than divergence.min_references (${config.divergence.min_references}); ` +
    "compared only if trades contains prices of oracles or aggregators, which stellarindex doctor checks\n"
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
