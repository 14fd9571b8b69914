import type { LoadedConfig } from "../config/load.ts";
import { type Finding, ok, warning } from "./finding.ts";

/**
 * Checks that the database URL is configured: without its environment variable, commands silently use the default one.
 */
export function checkNamed({ config, origins, file }: LoadedConfig): Finding {
  const origin = origins.get("database.url");
  if (origin !== undefined && origin.from !== "default") {
    return ok(`the database URL comes from ${origin.from === "file" ? origin.file : origin.variable}`);
  }
  const without = file === null ? "" : `${file} has no [database] url, and `;
  return warning(
    `no database is configured: ${without}STELLARINDEX_DATABASE_URL is not set, so ${config.database.url}, relative to the working directory, is checked`,
    "set [database] url or STELLARINDEX_DATABASE_URL as for the daemons",
  );
}
