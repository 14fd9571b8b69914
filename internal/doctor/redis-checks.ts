import type { Redis } from "ioredis";
import { connectRedis, type RedisConnection } from "../cache/redis-connection.ts";
import type { Config } from "../config/schema.ts";
import { NO_GUARD } from "../resilience/guard.ts";
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

/** The checks of Redis, the first of which connects. Nothing is written. */
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
  const reached = { check: "redis", otherwise: "Redis was not reached" };
  const failed =
    "what Redis said is the cause; look into its log, and at the rights of the user (docs/redis.md lists them)";

  const checks: Check[] = [
    {
      name: "redis",
      cure: "check [redis] url and its password, that the server runs and that this machine may connect",
      look: async () => {
        if (settings.url === "memory:") {
          return skipped(
            "prices live in the memory of one process, which only stellarindex start can run on; " +
              "separate daemons need [redis] url",
          );
        }
        connection = connectRedis(settings.url, NO_GUARD);
        info = parseRedisInfo(await run((client) => client.info()));
        return ok(`${settings.url} answers`);
      },
    },
    { name: "redis version", needs: reached, cure: failed, look: async () => checkRedisVersion(info) },
    {
      name: "redis role",
      needs: reached,
      cure: failed,
      look: async () => checkRedisRole(info, await run(minReplicas)),
    },
    { name: "redis memory", needs: reached, cure: failed, look: async () => checkRedisMemory(info) },
    { name: "redis saving", needs: reached, cure: failed, look: async () => checkRedisPersistence(info) },
    {
      name: "redis latency",
      needs: reached,
      cure: failed,
      look: () => checkRedisLatency(() => run((client) => client.ping())),
    },
    {
      name: "redis clock",
      needs: reached,
      cure: failed,
      look: async () => {
        const reading = await readClock(async () => {
          const [seconds = 0, micros = 0] = (await run((client) => client.time())).map(Number);
          return seconds * 1000 + micros / 1000;
        });
        return judgeSkew("Redis' clock", reading, aggregate.settle_seconds);
      },
    },
    { name: "prices", needs: reached, cure: failed, look: async () => checkPublished(await readTargets(config)) },
    { name: "venues", needs: reached, cure: failed, look: async () => checkVenues(await readTargets(config)) },
  ];

  return { checks, close: async () => connection?.close() };
}

/** Null where the server does not let it be read, as hosted ones do not. */
async function minReplicas(client: Redis): Promise<number | null> {
  try {
    const [, value] = (await client.call("CONFIG", "GET", "min-replicas-to-write")) as string[];
    return value === undefined ? null : Number(value);
  } catch {
    return null;
  }
}
