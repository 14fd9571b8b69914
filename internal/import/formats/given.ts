import type { TimeUnit } from "../../canonical/epoch.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { Zone } from "./zone.ts";

/** What the user says about files: the options of `import`. What is left out has to be in the file or its name. */
export interface Given {
  /** Name of the format; without it, the format is recognized. */
  readonly format?: string | undefined;
  /** Columns of the file by the fields of a trade, of `--map`. */
  readonly map?: ReadonlyMap<string, string> | undefined;
  readonly source?: string | undefined;
  readonly pair?: Pair | undefined;
  readonly timeUnit?: TimeUnit | undefined;
  /** The zone of times that name none. */
  readonly zone?: Zone | undefined;
  /** Whether the first line of a CSV file is a row. */
  readonly noHeader?: boolean | undefined;
  /** The character between columns; a comma by default. */
  readonly delimiter?: string | undefined;
}

/** The options as a user writes them, for messages. */
export const OPTION = {
  pair: "--pair BASE/QUOTE",
  source: "--source NAME",
  zone: "--zone UTC",
} as const;
