import type { LoadedConfig } from "../config/load.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Whether anybody named the database: a variable that is not set makes every command look at another one. */
export function checkNamed({ config, origins, file }: LoadedConfig): Finding {
  const origin = origins.get("database.url");
  if (origin !== undefined && origin.from !== "default") {
    return ok(`the database is named by ${origin.from === "file" ? origin.file : origin.variable}`);
  }
  const without = file === null ? "" : `${file} has no [database] url, and `;
  return warning(
    `no database is named: ${without}STELLARINDEX_DATABASE_URL is not set, so that ${config.database.url}, relative to the working directory, is looked at`,
    "set [database] url or STELLARINDEX_DATABASE_URL as the daemons have it",
  );
}
