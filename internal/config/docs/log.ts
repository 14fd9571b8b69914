import type { Docs } from "./docs.ts";

/** The prose of `[log]`. */
export const logDocs: Docs = {
  "log.level": `
    "trace", "debug", "info", "warn", "error", "fatal" or "silent". "debug" has one line per target and stage.
  `,
};
