import { ConfigError, type Problem } from "./problems.ts";
import type { Config } from "./schema.ts";

/**
 * Refuses databases and stores in memory, for daemons that must share them.
 * @throws ConfigError
 */
export function refuseUnsharedStores({ database, redis }: Config): void {
  const problems: Problem[] = [];
  const refuse = (key: string, url: string, right: string): void => {
    const wrong = `${url} exists in one process only, and separate daemons cannot share it`;
    problems.push({
      where: "config",
      key,
      wrong,
      right: `${right}, or "stellarindex start" to run all in one process`,
    });
  };
  if (database.url === "pglite:memory") refuse("database.url", database.url, "postgres://… or pglite:<directory>");
  if (redis.url === "memory:") refuse("redis.url", redis.url, "redis://…, rediss://… or redis+sentinel://…");
  if (problems.length > 0) throw new ConfigError(problems);
}
