import { type Finding, ok, wrong } from "./finding.ts";
import type { RedisInfo } from "./redis-info.ts";

const LEAST = 6;

/** Checks that the server has the commands that the store uses. */
export function checkRedisVersion(info: RedisInfo): Finding {
  const version = info.get("redis_version") ?? "";
  return Number.parseInt(version, 10) >= LEAST
    ? ok(`Redis ${version}, ${info.get("redis_mode") ?? "standalone"}`)
    : wrong(`Redis ${version} is too old`, `upgrade it to Redis ${LEAST} or later`);
}
