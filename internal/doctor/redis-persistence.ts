import { type Finding, ok, warning } from "./finding.ts";
import type { RedisInfo } from "./redis-info.ts";

/** Checks that persistence works if it is on. It is not needed: prices are recomputed within an interval. */
export function checkRedisPersistence(info: RedisInfo): Finding {
  const isAppending = info.get("aof_enabled") === "1";
  const failed = [
    ...(info.get("rdb_last_bgsave_status") === "err" ? ["the last background save"] : []),
    ...(isAppending && info.get("aof_last_write_status") === "err" ? ["the last write to the append-only file"] : []),
  ];
  if (failed.length > 0) {
    return warning(
      `${failed.join(" and ")} failed: writes are refused while stop-writes-on-bgsave-error is on`,
      "see Redis' log; usually the disk is full or its directory is not writable",
    );
  }
  if (info.get("loading") === "1")
    return warning("Redis is still loading its data", "wait until it has finished; see its log");
  return ok(`no save failed; append-only file ${isAppending ? "on" : "off"}; persistence is not needed`);
}
