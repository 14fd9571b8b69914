import { afterEach, describe, expect, it } from "vitest";
import { canStartRedis, makeRedisServer, type RedisServer } from "../cache/redis/server.testing.ts";
import { plainClient } from "../cache/redis/store.testing.ts";
import { load } from "../config/config.testing.ts";
import { redisChecks } from "./redis-checks.ts";
import { type CheckResult, runChecks } from "./run-checks.ts";

async function examined(url: string, more = ""): Promise<CheckResult[]> {
  const { checks, close } = redisChecks(load(`[redis]\nurl = ${JSON.stringify(url)}\n${more}`).config);
  try {
    return await runChecks(checks, 20_000);
  } finally {
    await close();
  }
}

const of = (all: readonly CheckResult[], check: string): CheckResult[] => all.filter((each) => each.check === check);

it("a store in the memory of one process is skipped", async () => {
  const all = await examined("memory:");
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set(["skipped"]));
  expect(all[0]?.found).toContain("stellarindex start");
});

it("a Redis that cannot be reached is one finding, and the checks that need it are skipped", async () => {
  const all = await examined("redis://:secret@127.0.0.1:1");
  expect(all[0]).toMatchObject({ check: "redis", status: "wrong", found: expect.stringContaining("127.0.0.1:1") });
  expect(JSON.stringify(all)).not.toContain("secret");
  expect(of(all, "redis role")[0]).toMatchObject({ status: "skipped", found: "Redis could not be reached" });
});

describe.skipIf(!canStartRedis())("a Redis", () => {
  const servers: RedisServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.remove();
  });
  async function start(args: readonly string[] = []): Promise<RedisServer> {
    const server = await makeRedisServer(args);
    servers.push(server);
    await server.start();
    return server;
  }

  it("that is healthy has no errors", async () => {
    const all = await examined((await start()).url);
    expect(all.filter(({ status }) => status === "wrong")).toEqual([]);
    for (const check of ["redis", "redis version", "redis role", "redis memory", "redis saving", "redis clock"]) {
      expect([check, of(all, check).map(({ status }) => status)]).toEqual([check, ["ok"]]);
    }
    expect(of(all, "prices")[0]).toMatchObject({ status: "warning", found: expect.stringContaining("none of 27") });
  });

  it("that evicts keys, is a replica, or waits for replicas is reported", async () => {
    const primary = await start(["--maxmemory-policy", "allkeys-lru", "--min-replicas-to-write", "2"]);
    const replica = await start(["--replicaof", "127.0.0.1", new URL(primary.url).port]);
    const all = await examined(primary.url);
    expect(of(all, "redis memory")[0]).toMatchObject({
      status: "warning",
      found: expect.stringContaining("allkeys-lru"),
    });
    expect(of(all, "redis role")[0]).toMatchObject({
      status: "wrong",
      found: expect.stringContaining("min-replicas-to-write is 2"),
    });
    expect(of(await examined(replica.url), "redis role")[0]).toMatchObject({
      status: "wrong",
      found: expect.stringContaining("read-only replica"),
    });
  });

  it("that refuses the password is reported without showing it", async () => {
    const { url } = await start(["--requirepass", "right"]);
    const all = await examined(url.replace("redis://", "redis://:hidden-word@"));
    expect(all[0]?.status).toBe("wrong");
    expect(JSON.stringify(all)).not.toContain("hidden-word");
    const well = await examined(url.replace("redis://", "redis://:right@"));
    expect(well[0]?.status).toBe("ok");
  });

  it("that refuses CONFIG, like hosted ones, is checked by INFO alone", async () => {
    const { url } = await start(["--rename-command", "CONFIG", ""]);
    expect(of(await examined(url), "redis role")[0]).toMatchObject({ status: "ok" });
  });

  it("with an invalid value under a target's key gets a warning", async () => {
    const { url } = await start();
    const client = plainClient(url);
    await client.connect();
    await client.set("vwap:crypto:XLM:fiat:USD:300", "nonsense");
    client.disconnect();
    expect(of(await examined(url), "prices")[0]).toMatchObject({ status: "warning" });
  });
});
