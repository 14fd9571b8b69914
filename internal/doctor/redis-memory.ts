import { type Finding, ok, warning } from "./finding.ts";
import type { RedisInfo } from "./redis-info.ts";

const FULL = 0.9;

/** Checks that the server neither evicts keys nor is about to refuse writes. */
export function checkRedisMemory(info: RedisInfo): Finding[] {
  const policy = info.get("maxmemory_policy") ?? "unknown";
  const used = Number(info.get("used_memory") ?? 0);
  const most = Number(info.get("maxmemory") ?? 0);
  const findings: Finding[] = [];
  if (policy !== "noeviction") {
    findings.push(
      warning(
        `maxmemory-policy is ${policy}: prices and leases can be evicted before their TTL`,
        "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf",
      ),
    );
  }
  if (most > 0 && used >= FULL * most) {
    findings.push(
      warning(
        `${megabytes(used)} of maxmemory ${megabytes(most)} are used: writes will soon be refused`,
        "raise maxmemory, or move other data out of this Redis",
      ),
    );
  }
  if (findings.length > 0) return findings;
  return [ok(`${megabytes(used)} used, ${most === 0 ? "no limit" : `at most ${megabytes(most)}`}, ${policy}`)];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
