import type { Redis } from "ioredis";
import { connectRedis, type RedisConnection } from "../cache/redis/connection.ts";
import type { Config } from "../config/schema.ts";
import { NO_CIRCUIT_BREAKER } from "../lib/circuit-breaker.ts";
import { judgeSkew, readClock } from "./clock-skew.ts";
import { ok, skipped } from "./finding.ts";
import { checkPublished, checkVenues } from "./published.ts";
import { readTargets } from "./read-targets.ts";
import { parseRedisInfo, type RedisInfo } from "./redis-info.ts";
import { checkRedisLatency } from "./redis-latency.ts";
import { checkRedisMemory } from "./redis-memory.ts";
import { checkRedisPersistence } from "./redis-persistence.ts";
import { checkRedisRole } from "./redis-role.ts";
import { checkRedisVersion } from "./redis-version.ts";
import type { Check } from "./run-checks.ts";

/** Returns the checks of Redis; the first one connects. They never write. */
export function redisChecks(config: Config): {
  readonly checks: readonly Check[];
  readonly close: () => Promise<void>;
} {
  const { redis: settings, aggregate } = config;
  let connection: RedisConnection | null = null;
  let info: RedisInfo = new Map();
  const run: RedisConnection["run"] = (command) => {
    if (connection === null) throw new Error("Redis is not connected");
    return connection.run(command);
  };
  const reached = { check: "redis", otherwise: "Redis could not be reached" };
  const failed = "the message is Redis' own; see its log, and the permissions that the user needs (docs/redis.md)";

  const checks: Check[] = [
    {
      name: "redis",
      cure: "check [redis] url and its password, that the server runs and that this machine may connect",
      run: async () => {
        if (settings.url === "memory:") {
          return skipped(
            "prices are kept in the memory of one process, which only works with stellarindex start; " +
              "separate daemons need [redis] url",
          );
        }
        connection = connectRedis(settings.url, NO_CIRCUIT_BREAKER);
        info = parseRedisInfo(await run((client) => client.info()));
        return ok(`${settings.url} answers`);
      },
    },
    { name: "redis version", needs: reached, cure: failed, run: async () => checkRedisVersion(info) },
    {
      name: "redis role",
      needs: reached,
      cure: failed,
      run: async () => checkRedisRole(info, await run(minReplicas)),
    },
    { name: "redis memory", needs: reached, cure: failed, run: async () => checkRedisMemory(info) },
    { name: "redis saving", needs: reached, cure: failed, run: async () => checkRedisPersistence(info) },
    {
      name: "redis latency",
      needs: reached,
      cure: failed,
      run: () => checkRedisLatency(() => run((client) => client.ping())),
    },
    {
      name: "redis clock",
      needs: reached,
      cure: failed,
      run: async () => {
        const reading = await readClock(async () => {
          const [seconds = 0, micros = 0] = (await run((client) => client.time())).map(Number);
          return seconds * 1000 + micros / 1000;
        });
        return judgeSkew("Redis' clock", reading, aggregate.settle_seconds);
      },
    },
    { name: "prices", needs: reached, cure: failed, run: async () => checkPublished(await readTargets(config)) },
    { name: "venues", needs: reached, cure: failed, run: async () => checkVenues(await readTargets(config)) },
  ];

  return { checks, close: async () => connection?.close() };
}

/** Returns `min-replicas-to-write`; null if the server does not allow CONFIG GET, as hosted ones. */
async function minReplicas(client: Redis): Promise<number | null> {
  try {
    const [, value] = (await client.call("CONFIG", "GET", "min-replicas-to-write")) as string[];
    return value === undefined ? null : Number(value);
  } catch {
    return null;
  }
}
