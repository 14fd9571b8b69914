import { missingNames } from "./declared-names.ts";
import type { LoadedConfig } from "./load.ts";
import { ConfigError, type Problem } from "./problems.ts";
import { relaxedKeys } from "./relaxed-limits.ts";

/** The configurations that a running daemon has loaded. */
export interface LoadedBefore {
  /** The configuration at the start. */
  readonly started: LoadedConfig;
  /** The configuration in effect. */
  readonly running: LoadedConfig;
}

/**
 * Refuses a reload whose file may be truncated or half written. Each table, key and entry of the last file must still
 * exist, and no value may be less strict than both the one in effect and the one at the start. The file of the start is
 * always accepted.
 * @param isUsed whether the daemon would apply a key
 * @throws ConfigError
 */
export function refuseUnsafeReload(before: LoadedBefore, read: LoadedConfig, isUsed: (key: string) => boolean): void {
  if (read.text === before.started.text) return;
  const lost = missing(before, read);
  // A missing key is reported as missing, not also for its less strict default.
  const relaxed = relaxations(before, read, isUsed).filter(({ key }) => read.names.has(key));
  if (lost.length + relaxed.length > 0) throw new ConfigError([...lost, ...relaxed]);
}

function missing({ running }: LoadedBefore, read: LoadedConfig): Problem[] {
  const where = read.file ?? "";
  const lost = missingNames(running.names, read.names);
  if (lost.length > 0 && read.names.size === 0) {
    const right = "the tables and keys of the last valid file; a restart accepts the file as it is";
    return [{ where, key: "", wrong: "is empty: it contains only blanks and comments", right }];
  }
  const right = "all earlier keys, with default values written out; a restart accepts the file as it is";
  const wrong = "was in the file when it was last read, and is missing now";
  const problems = lost.map((key) => ({ where, key, wrong, right }));
  if (problems.length > 0 || read.text.endsWith("\n") || !running.text.endsWith("\n")) return problems;
  // All keys exist, but the last value may be truncated.
  return [
    {
      where,
      key: "",
      wrong: "ends within a line, as if it were truncated",
      right: "a line end at the end of the file",
    },
  ];
}

function relaxations(
  { started, running }: LoadedBefore,
  read: LoadedConfig,
  isUsed: (key: string) => boolean,
): Problem[] {
  const where = read.file ?? "";
  const sinceStart = new Set(relaxedKeys(started.config, read.config).map(({ key }) => key));
  return relaxedKeys(running.config, read.config)
    .filter(({ key }) => sinceStart.has(key) && isUsed(key))
    .map(({ key, before, after }) => ({
      where,
      key,
      wrong: `${after} is less strict than the value in effect, ${before}`,
      right: "a value that is at least as strict; a restart accepts the file as it is",
    }));
}
