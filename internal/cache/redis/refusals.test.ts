import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CircuitState } from "../../lib/circuit-breaker.ts";
import type { PriceStore } from "../store.ts";
import { BACK, failureOf, soon, write } from "./outage.testing.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "./server.testing.ts";
import { plainClient } from "./store.testing.ts";
import { openRedisStore } from "./store.ts";

interface Refusal {
  readonly reason: string;
  readonly begin: (raw: Redis) => Promise<unknown>;
  readonly end: (raw: Redis) => Promise<unknown>;
}

/** A state in which Redis refuses writes and answers reads. */
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
    // Saving a dump fails if a directory has its name.
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

describe.skipIf(!canStartRedis())("a Redis that refuses writes", () => {
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

  /** Returns Redis' own error for a script that writes; empty if it is accepted. */
  function refusal(): Promise<string> {
    return failureOf(raw.eval('redis.call("SET", "probe", "")', 0));
  }

  test.each(REFUSALS)(
    "with $reason reports each write, still answers reads, and is written to again afterwards",
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
