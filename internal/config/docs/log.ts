import type { Docs } from "./type.ts";

/** The prose of `[log]`. */
export const logDocs: Docs = {
  "log.level": `
    "trace", "debug", "info", "warn", "error", "fatal" or "silent". "debug" logs one line per target and stage.
  `,
};
