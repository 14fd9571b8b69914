import { type Finding, ok, wrong } from "./finding.ts";
import type { RedisInfo } from "./redis-info.ts";

/**
 * Checks that the server accepts writes: it is a primary with the required number of connected replicas.
 * @param minReplicas `min-replicas-to-write`; null if unknown
 */
export function checkRedisRole(info: RedisInfo, minReplicas: number | null): Finding {
  const replicas = Number(info.get("connected_slaves") ?? 0);
  if (info.get("role") !== "master") {
    const primary = `${info.get("master_host")}:${info.get("master_port")}`;
    return wrong(`this Redis is a read-only replica of ${primary}`, "set [redis] url to the primary, or to Sentinel");
  }
  // The number of replicas with an acceptable lag is only reported if min-replicas-to-write is set.
  const good = Number(info.get("min_slaves_good_slaves") ?? replicas);
  if (minReplicas !== null && good < minReplicas) {
    return wrong(
      `${good} replicas keep up, but min-replicas-to-write is ${minReplicas}: writes are refused`,
      "bring the replicas back (INFO replication), or CONFIG SET min-replicas-to-write lower",
    );
  }
  return ok(`primary with ${replicas} replicas${minReplicas === null ? "" : `, min-replicas-to-write ${minReplicas}`}`);
}
