import type { LoadedConfig } from "./load.ts";
import { loosenedKeys } from "./loosened.ts";
import { ConfigError, type Problem } from "./problems.ts";
import { lostNames } from "./written.ts";

/** What a running daemon has read. */
export interface ReadBefore {
  /** What it started with. */
  readonly started: LoadedConfig;
  /** What is in force: the last that was taken over. */
  readonly running: LoadedConfig;
}

/**
 * Refuses a file that is more likely cut short, or half written, than meant. A reload takes nothing away: each table, key
 * and entry of the last file must be there, and no value may let through more than both the one in force and that of the
 * start. The file of the start is always taken.
 * @param isUsed whether the daemon would take over a key
 * @throws ConfigError
 */
export function refuseSurprises(before: ReadBefore, read: LoadedConfig, isUsed: (key: string) => boolean): void {
  if (read.text === before.started.text) return;
  const lost = losses(before, read);
  // A key that is gone is named as such, and not for its default too.
  const loosened = loosenings(before, read, isUsed).filter(({ key }) => read.names.has(key));
  if (lost.length + loosened.length > 0) throw new ConfigError([...lost, ...loosened]);
}

function losses({ running }: ReadBefore, read: LoadedConfig): Problem[] {
  const where = read.file ?? "";
  const lost = lostNames(running.names, read.names);
  if (lost.length > 0 && read.names.size === 0) {
    const right = "the tables and keys that it had; a restart takes it as it is";
    return [{ where, key: "", wrong: "is empty: there is nothing in it but blanks and comments", right }];
  }
  const right = "all that was there, with the default written out where it is meant; a restart takes it as it is";
  const wrong = "was there when the file was read before, and is gone";
  const problems = lost.map((key) => ({ where, key, wrong, right }));
  if (problems.length > 0 || read.text.endsWith("\n") || !running.text.endsWith("\n")) return problems;
  // All keys are there, but the last value may be a part of what it was.
  return [{ where, key: "", wrong: "ends within a line, as if it were cut short", right: "a line end at its end" }];
}

function loosenings({ started, running }: ReadBefore, read: LoadedConfig, isUsed: (key: string) => boolean): Problem[] {
  const where = read.file ?? "";
  const sinceStart = new Set(loosenedKeys(started.config, read.config).map(({ key }) => key));
  return loosenedKeys(running.config, read.config)
    .filter(({ key }) => sinceStart.has(key) && isUsed(key))
    .map(({ key, before, after }) => ({
      where,
      key,
      wrong: `${after} lets more through than ${before}, which is in force`,
      right: "at least as strict a value; a restart takes it as it is",
    }));
}
