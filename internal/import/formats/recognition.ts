import type { Given } from "./given.ts";

/** What was understood of a file before its first row is read. */
export interface Understood {
  /** The format; null for the columns of `import` itself. */
  readonly format: string | null;
  /** What the fields of a trade are read from, for people. */
  readonly fields: readonly string[];
}

/** How files in other forms than those of `import` itself are recognized. */
export interface Recognition {
  readonly given: Given;
  /** Called once a file is recognized, before its first row is read. */
  readonly onUnderstood?: (understood: Understood) => void;
}

/** Returns what was understood of a file as one line. */
export function formatUnderstood({ format, fields }: Understood): string {
  return `read as ${format === null ? "trades with the columns of import" : `--format ${format}`}: ${fields.join("; ")}`;
}
