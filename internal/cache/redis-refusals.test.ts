import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CircuitState } from "../resilience/guard.ts";
import { plainClient } from "./redis.testing.ts";
import { openRedisStore } from "./redis.ts";
import { BACK, failureOf, soon, write } from "./redis-outage.testing.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "./redis-server.testing.ts";
import type { PriceStore } from "./store.ts";

interface Refusal {
  readonly reason: string;
  readonly begin: (raw: Redis) => Promise<unknown>;
  readonly end: (raw: Redis) => Promise<unknown>;
}

/** What makes Redis refuse writes while it answers reads. */
const REFUSALS: readonly Refusal[] = [
  {
    reason: "READONLY",
    begin: (raw) => raw.replicaof("127.0.0.1", 1),
    end: (raw) => raw.replicaof("NO", "ONE"),
  },
  {
    reason: "NOREPLICAS",
    begin: (raw) => raw.config("SET", "min-replicas-to-write", 1),
    end: (raw) => raw.config("SET", "min-replicas-to-write", 0),
  },
  {
    reason: "OOM",
    begin: (raw) => raw.config("SET", "maxmemory", 1),
    end: (raw) => raw.config("SET", "maxmemory", 0),
  },
  {
    reason: "NOPERM",
    begin: (raw) => raw.acl("SETUSER", "default", "-eval", "-evalsha"),
    end: (raw) => raw.acl("SETUSER", "default", "+@all"),
  },
  {
    // No dump can be saved where a directory has its name.
    reason: "MISCONF",
    async begin(raw) {
      await mkdir(await dumpOf(raw));
      await raw.config("SET", "save", "3600 1000000");
      await raw.bgsave();
    },
    async end(raw) {
      await rmdir(await dumpOf(raw));
      await raw.bgsave();
    },
  },
];

async function dumpOf(raw: Redis): Promise<string> {
  const [, directory] = (await raw.config("GET", "dir")) as string[];
  return join(directory ?? "", "dump.rdb");
}

describe.skipIf(!canStartRedis())("a Redis that refuses", () => {
  let server: RedisServer;
  let raw: Redis;
  let store: PriceStore;
  let states: CircuitState[];

  beforeAll(async () => {
    server = await makeRedisServer(["--maxmemory-policy", "noeviction"]);
  });
  beforeEach(async () => {
    await server.start();
    states = [];
    store = openRedisStore(server.url, "", {
      failures: 2,
      cooldownSeconds: 3600,
      stopwatch: () => 0,
      onChange: (state) => states.push(state),
    });
    raw = plainClient(server.url);
    await store.ping();
  });
  afterEach(async () => {
    raw.disconnect();
    await store.close();
    await server.kill();
  });
  afterAll(() => server.remove());

  /** What Redis says to a script that writes, by itself; empty where it lets it. */
  function refusal(): Promise<string> {
    return failureOf(raw.eval('redis.call("SET", "probe", "")', 0));
  }

  test.each(REFUSALS)(
    "writes ($reason) says so of each, is still read, and is written again once it does not",
    async ({ reason, begin, end }) => {
      const later = { ...write(2), key: "later" };
      expect(await store.publish([write(1)])).toEqual(["written"]);
      await begin(raw);
      await vi.waitFor(async () => expect(await refusal()).toContain(reason), BACK);
      const refused = expect.objectContaining({ name: "Error", message: expect.stringContaining(reason) });
      const unordered = { ...write(2), to: "late" };
      for (let time = 0; time < 3; time++) {
        const [one, odd, other] = await soon(store.publish([write(2), unordered, later]));
        expect([one, other]).toEqual([refused, refused]);
        expect(odd).toHaveProperty("message", expect.stringContaining('"late"'));
        expect(await failureOf(store.put("text", "text", 60))).toContain(reason);
        expect(await soon(store.read(["key", "later"]))).toEqual([write(1).value, null]);
      }
      expect(states).toEqual([]);
      await end(raw);
      await vi.waitFor(async () => expect(await refusal()).toBe(""), BACK);
      expect(await soon(store.publish([write(2), later]))).toEqual(["written", "written"]);
      expect(await store.read(["key"])).toEqual([write(2).value]);
    },
  );
});
