import { changedKeys, withValuesOf } from "../config/changes.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { ConfigError } from "../config/problems.ts";
import type { Config } from "../config/schema.ts";
import { refuseUnsafeReload } from "../config/unsafe-reload.ts";
import { asError } from "../lib/as-error.ts";
import type { Logger } from "../obs/logger.ts";
import { configReloaded } from "./events.ts";

/** The keys, or tables of keys, by how a reload affects them. A key that is not listed needs a restart. */
interface KeysByEffect {
  /** Keys that only other processes or commands read. */
  readonly unused: readonly string[];
  readonly restart: readonly string[];
  readonly live: readonly string[];
}

// Only `migrate up` and `prune` read these.
const OF_COMMANDS = ["database.retention", "database.timescaledb"];

const RELOAD_EFFECTS = {
  aggregator: {
    unused: [...OF_COMMANDS, "api", "control", "gateway", "collect", "feeds", "deliver", "deliveries"],
    restart: ["aggregate.ops_listen", "aggregate.replicas"],
    live: ["log", "aggregate", "divergence", "sources"],
  },
  api: {
    unused: [
      ...OF_COMMANDS,
      "control",
      "gateway",
      "deliver",
      "collect",
      "feeds",
      "deliveries",
      "divergence",
      "aggregate.ops_listen",
      "aggregate.replicas",
      "aggregate.concurrency",
    ],
    restart: ["api.listen", "api.ops_listen", "api.request_timeout_seconds", "api.query_timeout_seconds"],
    live: ["log", "aggregate", "api", "sources"],
  },
  control: {
    unused: [...OF_COMMANDS, "api", "gateway", "aggregate", "divergence", "sources", "redis", "deliver", "deliveries"],
    restart: ["control.listen", "control.ops_listen", "control.request_timeout_seconds"],
    live: ["log", "control", "collect", "feeds"],
  },
  gateway: {
    unused: [
      ...OF_COMMANDS,
      "api",
      "control",
      "divergence",
      "sources",
      "redis",
      "collect",
      "feeds",
      "deliver",
      "deliveries",
    ],
    restart: [],
    live: ["log", "gateway.keys"],
  },
  deliver: {
    unused: [...OF_COMMANDS, "api", "control", "gateway", "collect", "feeds", "divergence"],
    restart: ["deliver.ops_listen"],
    live: ["log", "deliver", "deliveries"],
  },
} as const satisfies Record<string, KeysByEffect>;

/** How a reload treats a key: applied at once, only after a restart, or not read by this daemon. */
export type ReloadEffect = keyof KeysByEffect;

export type DaemonName = keyof typeof RELOAD_EFFECTS;

/** Returns how a reload of this daemon treats a key, by its dotted name. */
export function reloadEffectOf(daemon: DaemonName, key: string): ReloadEffect {
  const isAmong = (names: readonly string[]): boolean =>
    names.some((name) => key === name || key.startsWith(`${name}.`));
  const { unused, restart, live } = RELOAD_EFFECTS[daemon];
  if (isAmong(unused)) return "unused";
  return isAmong(restart) || !isAmong(live) ? "restart" : "live";
}

/** The SIGHUPs of this process. They must be caught from the start, since by default one ends the process. */
export interface Hangups {
  /** Calls the listener at each SIGHUP, and at once if one came before. */
  readonly listen: (listener: () => void) => void;
  readonly stop: () => void;
}

/** Catches SIGHUP from now on. */
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
 * Reloads the configuration file at each SIGHUP, until `stop`. Keys that need a restart keep their values. A file that
 * is invalid or unsafe (unsafe-reload.ts) is rejected and changes nothing.
 * @param refuse throws ConfigError where this daemon cannot run under a valid configuration
 * @param apply applies the configuration; if it throws, it must have changed nothing
 */
export function reloadOnHangup(
  hangups: Hangups,
  loaded: LoadedConfig,
  daemon: DaemonName,
  log: Logger,
  { refuse, apply }: { readonly refuse: (config: Config) => void; readonly apply: (config: Config) => void },
): { stop: () => void } {
  const { file } = loaded;
  let running = loaded;

  function reload(file: string): void {
    const read = loadConfig({ file, env: process.env });
    const { warnings } = read;
    refuseUnsafeReload({ started: loaded, running }, read, (key) => reloadEffectOf(daemon, key) === "live");
    refuse(read.config);
    const changed = changedKeys(running.config, read.config);
    const keysThat = (effect: ReloadEffect) => changed.filter((key) => reloadEffectOf(daemon, key) === effect);
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
      if (file === null) throw new Error("there is no file to reload: start with --config or STELLARINDEX_CONFIG");
      reload(file);
      configReloaded.publish({ outcome: "ok" });
    } catch (error) {
      const problems = error instanceof ConfigError ? error.message.split("\n") : [asError(error).message];
      log.error({ file, problems }, "configuration not reloaded; the old one stays in effect");
      configReloaded.publish({ outcome: "error" });
    }
  };
  hangups.listen(onHangup);
  return { stop: hangups.stop };
}
