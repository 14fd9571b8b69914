import { type Finding, ok, wrong } from "./finding.ts";
import type { RedisInfo } from "./redis-info.ts";

/**
 * Whether the server takes writes: it is a primary, with as many replicas at hand as it asks for.
 * @param minReplicas `min-replicas-to-write`; null where the server does not say
 */
export function checkRedisRole(info: RedisInfo, minReplicas: number | null): Finding {
  const replicas = Number(info.get("connected_slaves") ?? 0);
  if (info.get("role") !== "master") {
    const primary = `${info.get("master_host")}:${info.get("master_port")}`;
    return wrong(
      `this Redis is a replica of ${primary}, and read only`,
      "set [redis] url to the primary, or to Sentinel, which knows it",
    );
  }
  // Only where min-replicas is set is there a count of those whose lag is small enough.
  const good = Number(info.get("min_slaves_good_slaves") ?? replicas);
  if (minReplicas !== null && good < minReplicas) {
    return wrong(
      `${good} replicas keep up, min-replicas-to-write asks for ${minReplicas}: writes are refused`,
      "bring the replicas back (INFO replication), or CONFIG SET min-replicas-to-write lower",
    );
  }
  return ok(`primary with ${replicas} replicas${minReplicas === null ? "" : `, min-replicas-to-write ${minReplicas}`}`);
}
