import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { load } from "../../config/config.testing.ts";
import { redisChecks } from "../../doctor/redis-checks.ts";
import { runChecks } from "../../doctor/run-checks.ts";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import { packageRoot } from "../../lib/package-root.ts";
import type { PriceWrite } from "../store.ts";
import { readLeaseOwners } from "./lease-owners.ts";
import { LEASES_KEY, MEMBERS_KEY, openLeases } from "./leases.ts";
import { aclRules, REDIS_RIGHTS } from "./rights.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "./server.testing.ts";
import { openSharedCounts } from "./shared-counts.ts";
import { plainClient } from "./store.testing.ts";
import { openRedisStore } from "./store.ts";

const PREFIX = "mine:";
const PARTS = ["prices", "shared", "limits", "database"] as const;

/** Logging in and out needs no permission. */
const FREE = ["auth", "hello", "quit", "reset"];

test("docs/redis.md lists the commands", () => {
  const text = readFileSync(join(packageRoot(), "docs", "redis.md"), "utf8").replaceAll("\\|", "|");
  for (const part of PARTS) {
    expect(text).toContain(`| \`${REDIS_RIGHTS[part].map((command) => `+${command}`).join(" ")}\` |`);
  }
  const rules = aclRules("", ["prices", "shared", "limits"]).join(" ");
  expect(text).toContain(`\nACL SETUSER stellarindex on >PASSWORD ${rules}\n`);
});

describe.skipIf(!canStartRedis())("a user of Redis with the listed rights", () => {
  let server: RedisServer;
  let url: string;
  const admin = (): ReturnType<typeof plainClient> => plainClient(server.url);

  beforeAll(async () => {
    server = await makeRedisServer();
    await server.start();
    url = `${server.url.replace("//", "//tester:secret@")}/1`;
  });
  afterAll(() => server.remove());

  /** Returns the commands that were called and refused since a user with these permissions was created. */
  async function tried(parts: readonly (typeof PARTS)[number][], work: () => Promise<void>) {
    const client = admin();
    await client.flushall();
    await client.call("ACL", "SETUSER", "tester", "reset", "on", ">secret", ...aclRules(PREFIX, parts));
    await client.config("RESETSTAT");
    try {
      await work();
      const stats = (await client.info("commandstats")).matchAll(/cmdstat_(\S+?):calls=(\d+),.*rejected_calls=(\d+)/g);
      const rows = [...stats].map(([, name = "", calls, rejected]) => ({ name, calls, rejected }));
      const named = (key: "calls" | "rejected") => rows.filter((row) => row[key] !== "0").map(({ name }) => name);
      // Commands of the test's administrator.
      const called = named("calls").filter((name) => !FREE.includes(name) && name !== "config|resetstat");
      return { called: new Set(called), refused: named("rejected") };
    } finally {
      client.disconnect();
    }
  }

  function write(second: number, provenance?: "triangulated"): PriceWrite {
    const to = `2026-08-09T22:30:0${second}Z`;
    const value = `{"to":"${to}"}`;
    return { key: "vwap:a:b:300", value, to, ttlSeconds: 300, ...(provenance === undefined ? {} : { provenance }) };
  }

  async function usePrices(): Promise<void> {
    const store = openRedisStore(url, PREFIX);
    try {
      await store.ping();
      const heard: unknown[] = [];
      const stop = await store.subscribe((announcement) => void heard.push(announcement));
      expect(await store.publish([write(2)])).toEqual(["written"]);
      expect(await store.publish([write(1), write(3, "triangulated")])).toEqual(["superseded", "written"]);
      await store.put("conf:a:b:300", "text", 300);
      expect(await store.read(["conf:a:b:300"])).toEqual(["text"]);
      expect(await store.readWithTtl(["vwap:a:b:300"])).toMatchObject([{ text: write(3).value }]);
      await expect.poll(() => heard.length).toBeGreaterThanOrEqual(2);
      await stop();
    } finally {
      await store.close();
    }
    const config = load(`[redis]\nurl = "${url}"\nkey_prefix = "${PREFIX}"`).config;
    const { checks, close } = redisChecks(config);
    const examined = await runChecks(checks, 10_000).finally(close);
    expect(examined.filter(({ status }) => status === "wrong")).toEqual([]);
    expect(examined.find(({ check }) => check === "redis clock")).toMatchObject({ status: "ok" });
  }

  async function useShared(): Promise<void> {
    const open = (member: string) => openLeases({ url, breaker: NO_CIRCUIT_BREAKER, keyPrefix: PREFIX, member });
    const [one, two] = [open("one"), open("two")];
    // An expired member, one whose lease is too long, and a key that no member wants any more.
    const client = plainClient(url);
    await client.zadd(PREFIX + MEMBERS_KEY, 1, "gone", 9e15, "far");
    await client.hset(PREFIX + LEASES_KEY, "old/x", "gone 1 gone");
    client.disconnect();
    try {
      expect((await one.claim(["a/x", "b/x"], 100, 60_000)).held).toEqual(["a/x", "b/x"]);
      expect(await one.confirm(["a/x"], 100)).toEqual(["a/x"]);
      await two.renew(60_000);
      expect((await two.claim(["a/x", "b/x"], 130, 60_000)).members).toBe(3);
      expect((await readLeaseOwners(url, PREFIX)).members).toEqual(["far", "one", "two"]);
    } finally {
      await one.close();
      await two.close();
    }
  }

  async function useLimits(): Promise<void> {
    const counts = openSharedCounts({ url, key_prefix: PREFIX }, 60);
    try {
      expect(await counts.add(new Map([["client", 3]]))).toMatchObject([{ key: "client", count: 3 }]);
      // A counter without a TTL, as a restore may leave it.
      const client = admin();
      await client.select(1);
      await client.persist(`${PREFIX}rate:client`);
      client.disconnect();
      expect(await counts.add(new Map([["client", 3]]))).toMatchObject([{ key: "client", count: 6 }]);
    } finally {
      await counts.close();
    }
  }

  test("can run everything, needs each right, and is refused only what doctor can do without", async () => {
    const { called, refused } = await tried(PARTS, async () => {
      await usePrices();
      await useShared();
      await useLimits();
    });
    expect(refused).toEqual(["config|get"]);
    const listed = new Set<string>(PARTS.flatMap((part) => REDIS_RIGHTS[part]));
    expect([...called].filter((name) => name !== "persist").sort()).toEqual([...listed].sort());
  });

  test.each([
    ["prices", ["database", "prices"], usePrices],
    ["the leases of several aggregators", ["database", "prices", "shared"], useShared],
    ["shared limits", ["database", "prices", "limits"], useLimits],
  ] as const)("%s need only their part of the rights", async (_, parts, use) => {
    const { refused } = await tried(parts, use);
    expect(refused.filter((name) => name !== "config|get")).toEqual([]);
  });
});
