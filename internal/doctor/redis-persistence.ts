import { type Finding, ok, warning } from "./finding.ts";
import type { RedisInfo } from "./redis-info.ts";

/** Whether saving to disk works, where it is on. Nothing here needs it: prices are computed anew within an interval. */
export function checkRedisPersistence(info: RedisInfo): Finding {
  const isAppending = info.get("aof_enabled") === "1";
  const failed = [
    ...(info.get("rdb_last_bgsave_status") === "err" ? ["the last background save"] : []),
    ...(isAppending && info.get("aof_last_write_status") === "err" ? ["the last write to the append-only file"] : []),
  ];
  if (failed.length > 0) {
    return warning(
      `${failed.join(" and ")} failed: writes are refused while stop-writes-on-bgsave-error is on`,
      "look into Redis' log; most often the disk is full or its directory cannot be written",
    );
  }
  if (info.get("loading") === "1") return warning("it is still loading its data", "wait until it has; see its log");
  return ok(`no save failed; append-only file ${isAppending ? "on" : "off"}. Nothing here needs either`);
}
