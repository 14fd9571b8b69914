import { describe, expect, test, vi } from "vitest";
import { type Micros, seconds } from "../canonical/time.ts";
import { openStore } from "./open-store.ts";
import { deleteTestKeys, testKeyPrefix, testRedisUrl } from "./redis/store.testing.ts";
import { describeStore, type StoreHarness } from "./store.contract.testing.ts";
import type { PriceStore } from "./store.ts";

const redisUrl = await testRedisUrl();

describeStore("memory store", memoryHarness());

describe.skipIf(redisUrl === null)("with Redis", () => {
  describeStore("Redis store", redisHarness(redisUrl ?? ""));
});

test.each(["", "memory", "memory:x", "http://user:secret@host", "redis//user:secret@host", "valkey://:secret@host"])(
  "a URL with another scheme, %j, is refused and not shown",
  (url) => {
    const refusal = messageOf(() => openStore({ url, key_prefix: "" }));
    expect(refusal).toContain("use memory:, redis://HOST:PORT");
    expect(refusal).not.toContain("secret");
  },
);

test.each(["redis://:secret@", "redis://user:secret%@host", "redis://:secret@host:99999", "redis://:secret@host/db"])(
  "an invalid Redis URL, %j, is refused and not shown",
  (url) => {
    const refusal = messageOf(() => openStore({ url, key_prefix: "" }));
    expect(refusal).toContain("the Redis URL");
    expect(refusal).not.toContain("secret");
  },
);

function messageOf(open: () => unknown): string {
  try {
    open();
  } catch (error) {
    expect(error).toHaveProperty("name", "InputError");
    return (error as Error).message;
  }
  throw new Error("was not refused");
}

function memoryHarness(): StoreHarness {
  const stores = new Map<string, PriceStore>();
  // A time after all written buckets.
  let clock: Micros = 1_786_399_200_000_000n;
  let count = 0;
  return {
    open(prefix) {
      const shared = stores.get(prefix) ?? openStore({ url: "memory:", key_prefix: prefix }, { now: () => clock });
      stores.set(prefix, shared);
      return shared;
    },
    freshPrefix: () => `${count++}:`,
    async elapse(ttlSeconds, isOver) {
      clock += seconds(ttlSeconds) - 1n;
      expect(await isOver()).toBe(false);
      clock += 1n;
      expect(await isOver()).toBe(true);
    },
    runs: 200,
    cleanUp: async () => {},
  };
}

function redisHarness(url: string): StoreHarness {
  const prefixes: string[] = [];
  return {
    open: (prefix) => openStore({ url, key_prefix: prefix }),
    freshPrefix() {
      const prefix = testKeyPrefix();
      prefixes.push(prefix);
      return prefix;
    },
    elapse: (ttlSeconds, isOver) =>
      vi.waitFor(async () => expect(await isOver()).toBe(true), { timeout: ttlSeconds * 1000 + 5000 }),
    runs: 100,
    async cleanUp() {
      for (const prefix of prefixes) await deleteTestKeys(url, prefix);
    },
  };
}
