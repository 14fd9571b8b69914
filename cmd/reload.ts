import { asError } from "../internal/canonical/as-error.ts";
import { changedKeys, withValuesOf } from "../internal/config/changes.ts";
import { type LoadedConfig, loadConfig } from "../internal/config/load.ts";
import { ConfigError } from "../internal/config/problems.ts";
import type { Config } from "../internal/config/schema.ts";
import { refuseSurprises } from "../internal/config/surprises.ts";
import { configReloaded } from "../internal/obs/events.ts";
import type { Logger } from "../internal/obs/logging.ts";

/** Keys by what a SIGHUP makes of them, each a key or all keys below a table. What is not named needs a restart. */
interface Standing {
  /** What another process reads, or a command. */
  readonly unused: readonly string[];
  readonly restart: readonly string[];
  readonly live: readonly string[];
}

// Retention and TimescaleDB are what `migrate up` and `prune` read.
const OF_COMMANDS = ["database.retention", "database.timescaledb"];

const STANDINGS = {
  aggregator: {
    unused: [...OF_COMMANDS, "api"],
    restart: ["aggregate.ops_listen", "aggregate.replicas"],
    live: ["log", "aggregate", "divergence", "sources"],
  },
  api: {
    unused: [...OF_COMMANDS, "divergence", "aggregate.ops_listen", "aggregate.replicas", "aggregate.concurrency"],
    restart: ["api.listen", "api.ops_listen", "api.request_timeout_seconds", "api.query_timeout_seconds"],
    live: ["log", "aggregate", "api", "sources"],
  },
} as const satisfies Record<string, Standing>;

export type Daemon = keyof typeof STANDINGS;

/** What a SIGHUP makes of a key in this daemon. */
export function standingOf(daemon: Daemon, key: string): keyof Standing {
  const isAmong = (names: readonly string[]): boolean =>
    names.some((name) => key === name || key.startsWith(`${name}.`));
  const { unused, restart, live } = STANDINGS[daemon];
  if (isAmong(unused)) return "unused";
  return isAmong(restart) || !isAmong(live) ? "restart" : "live";
}

/** The hangups of this process, from as soon as it can be told to reload: by default one would end it. */
export interface Hangups {
  /** Hears of each from now on, and of one that came before. */
  readonly listen: (listener: () => void) => void;
  readonly stop: () => void;
}

export function catchHangups(): Hangups {
  let isMissed = false;
  let listener = (): void => {
    isMissed = true;
  };
  const onHangup = (): void => listener();
  process.on("SIGHUP", onHangup);
  return {
    listen: (next) => {
      listener = next;
      if (isMissed) next();
    },
    stop: () => process.off("SIGHUP", onHangup),
  };
}

/**
 * Reads the configuration file again at each SIGHUP, until `stop`. Keys that need a restart keep their values; a
 * file that cannot be used, that takes something away or that lets more through (surprises.ts) changes nothing.
 * @param refuse throws ConfigError where this daemon cannot run under a configuration that is sound
 * @param apply takes the configuration over; where it throws it must have changed nothing
 */
export function reloadOnHangup(
  hangups: Hangups,
  loaded: LoadedConfig,
  daemon: Daemon,
  log: Logger,
  { refuse, apply }: { readonly refuse: (config: Config) => void; readonly apply: (config: Config) => void },
): { stop: () => void } {
  const { file } = loaded;
  let running = loaded;

  function reload(file: string): void {
    const read = loadConfig({ file, env: process.env });
    const { warnings } = read;
    refuseSurprises({ started: loaded, running }, read, (key) => standingOf(daemon, key) === "live");
    refuse(read.config);
    const changed = changedKeys(running.config, read.config);
    const keysThat = (standing: keyof Standing) => changed.filter((key) => standingOf(daemon, key) === standing);
    const [applied, needsRestart, unused] = [keysThat("live"), keysThat("restart"), keysThat("unused")];
    const config = withValuesOf(running.config, needsRestart, read.config);
    apply(config);
    running = { ...read, config };
    const line = { file, applied, needs_restart: needsRestart, not_used_here: unused, warnings };
    if (needsRestart.length > 0 || warnings.length > 0) log.warn(line, "configuration reloaded");
    else log.info(line, "configuration reloaded");
  }

  const onHangup = (): void => {
    try {
      if (file === null) throw new Error("there is no file to read: start with --config or STELLARINDEX_CONFIG");
      reload(file);
      configReloaded.publish({ outcome: "ok" });
    } catch (error) {
      const problems = error instanceof ConfigError ? error.message.split("\n") : [asError(error).message];
      log.error({ file, problems }, "configuration not reloaded, all stays as it was");
      configReloaded.publish({ outcome: "error" });
    }
  };
  hangups.listen(onHangup);
  return { stop: hangups.stop };
}
