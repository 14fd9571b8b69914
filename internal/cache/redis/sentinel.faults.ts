import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { makeLocalCopies } from "../copies/local-copies.ts";
import { openStore } from "../open-store.ts";
import type { PriceStore } from "../store.ts";
import { BACK, failureOf, soon, write } from "./outage.testing.ts";
import { canStartRedis, makeRedisServer, makeSentinel, type RedisServer } from "./server.testing.ts";
import { plainClient } from "./store.testing.ts";

const PASSWORD = "primary+secret";
const SENTINEL_PASSWORD = "sentinel+secret";
const NAME = "prices";
const CIRCUIT = { failures: 3, cooldownSeconds: 1, stopwatch: () => performance.now() / 1000, onChange: () => {} };
// Sentinels that a busy machine delayed do nothing for 30 s (TILT), perhaps twice.
const FAILED_OVER = { timeout: 90_000, interval: 100 };

describe.skipIf(!canStartRedis())("Redis behind sentinels", () => {
  const opened: PriceStore[] = [];
  const servers: RedisServer[] = [];
  let sentinels: RedisServer[];
  let first: RedisServer;
  let second: RedisServer;

  async function started(making: Promise<RedisServer>): Promise<RedisServer> {
    const server = await making;
    servers.push(server);
    await server.start();
    return server;
  }

  function startSentinel(monitored: RedisServer, quorum: number, downAfterMs: number): Promise<RedisServer> {
    return started(
      makeSentinel([
        `requirepass ${SENTINEL_PASSWORD}`,
        `sentinel sentinel-pass ${SENTINEL_PASSWORD}`,
        `sentinel monitor ${NAME} 127.0.0.1 ${monitored.port} ${quorum}`,
        `sentinel auth-pass ${NAME} ${PASSWORD}`,
        `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
        `sentinel failover-timeout ${NAME} 1000`,
      ]),
    );
  }

  /** Queries one server directly, on a new connection: sentinels cut the connections of a server whose role they change. */
  async function ask<T>(
    { port }: RedisServer,
    command: (client: Redis) => Promise<T>,
    password = PASSWORD,
  ): Promise<T> {
    const client = plainClient(`redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`);
    client.on("error", () => {});
    try {
      return await command(client);
    } finally {
      client.disconnect();
    }
  }

  beforeAll(async () => {
    const secured = ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"];
    first = await started(makeRedisServer(secured));
    second = await started(makeRedisServer([...secured, "--replicaof", "127.0.0.1", String(first.port)]));
    const link = () => ask(second, (client) => client.info("replication"));
    await vi.waitFor(async () => expect(await link()).toContain("master_link_status:up"), BACK);
    sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(first, 2, 1_000)));
    for (const sentinel of sentinels) {
      const quorum = () => ask(sentinel, (client) => client.call("SENTINEL", "CKQUORUM", NAME), SENTINEL_PASSWORD);
      await vi.waitFor(async () => expect(await quorum()).toContain("OK 3 usable"), BACK);
    }
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.remove()));
  });

  function open(
    asked: readonly RedisServer[],
    { name = NAME, sentinelPassword = SENTINEL_PASSWORD }: { name?: string; sentinelPassword?: string } = {},
  ): PriceStore {
    const hosts = asked.map(({ port }) => `127.0.0.1:${port}`).join(",");
    const url = `redis+sentinel://:${PASSWORD}@${hosts}/${name}?sentinel_password=${sentinelPassword}`;
    const store = openStore({ url, key_prefix: "" }, { circuit: CIRCUIT });
    opened.push(store);
    return store;
  }

  test("names the sentinels that do not know the primary, and why, without a password", async () => {
    const [sentinel] = sentinels as [RedisServer];
    const unknown = await failureOf(soon(open([sentinel], { name: "other" }).ping()));
    expect(unknown).toContain(`Redis at other of the sentinels 127.0.0.1:${sentinel.port}: no connection within 2 s`);
    expect(unknown).toContain(`sentinel 127.0.0.1:${sentinel.port} knows no primary of this name`);

    const wrong = await failureOf(soon(open([sentinel], { sentinelPassword: "wr0ng" }).ping()));
    expect(wrong).toMatch(/sentinel 127\.0\.0\.1:\d+ failed: WRONGPASS/);
    expect(wrong).not.toContain("wr0ng");

    const gone = await makeSentinel([]);
    expect(await failureOf(soon(open([gone]).ping()))).toContain(`sentinel 127.0.0.1:${gone.port} cannot be reached`);
    await gone.remove();
    const store = open([gone, sentinel]);
    await vi.waitFor(() => store.ping(), BACK);
  });

  test("a sentinel that names a replica as the primary is not trusted", async () => {
    const mistaken = await startSentinel(second, 1, 60_000);
    const store = open([mistaken]);
    expect(await failureOf(soon(store.read(["key"])))).toMatch(/: no connection within 2 s$/);
    await mistaken.kill();
  });

  test("writes, reads and announcements continue on the next primary, and the old one becomes a replica", {
    timeout: 300_000,
  }, async () => {
    const store = open(sentinels);
    const heard: string[] = [];
    const states: boolean[] = [];
    await store.subscribe(({ to }) => heard.push(to));
    const copies = makeLocalCopies(
      store,
      () => 0,
      (isFollowing) => states.push(isFollowing),
    );
    await vi.waitFor(() => expect(states).toEqual([true]));
    const kept = { ...write(1), key: "kept" };
    expect(await store.publish([write(1), kept])).toEqual(["written", "written"]);
    expect(await copies.read(["key"])).toEqual([write(1).value]);
    await vi.waitFor(async () => expect(await ask(second, (it) => it.get("kept"))).toBe(kept.value), BACK);

    await first.kill();
    await vi.waitFor(async () => expect(await store.publish([write(2)])).toEqual(["written"]), FAILED_OVER);
    expect(await ask(second, (it) => it.role())).toContain("master");
    expect(await store.read(["key", "kept"])).toEqual([write(2).value, kept.value]);
    expect(await store.publish([write(1)])).toEqual(["superseded"]);
    await vi.waitFor(() => expect(states).toEqual([true, false, true]), FAILED_OVER);
    await vi.waitFor(async () => {
      await store.publish([write(3)]);
      expect(heard).toContain(write(3).to);
    }, FAILED_OVER);
    expect(await copies.read(["key", "kept"])).toEqual([write(3).value, kept.value]);
    expect(store.breaker.state()).toBe("closed");

    await first.start();
    await vi.waitFor(async () => expect(await ask(first, (it) => it.role())).toContain("slave"), FAILED_OVER);
    expect(await store.publish([write(4)])).toEqual(["written"]);
    await vi.waitFor(async () => expect(await ask(first, (it) => it.get("key"))).toBe(write(4).value), FAILED_OVER);
    await vi.waitFor(() => expect(heard).toContain(write(4).to));
  });

  test("a primary that freezes is replaced by the next one", { timeout: 300_000 }, async () => {
    const roles = await Promise.all([first, second].map((server) => ask(server, (it) => it.role())));
    const [primary, next] = roles[0]?.[0] === "master" ? [first, second] : [second, first];
    await vi.waitFor(async () => {
      expect(await ask(next, (it) => it.info("replication"))).toContain("master_link_status:up");
    }, FAILED_OVER);
    const store = open(sentinels);
    expect(await store.publish([{ ...write(1), key: "silent" }])).toEqual(["written"]);
    primary.freeze();
    await vi.waitFor(async () => {
      expect(await soon(store.publish([{ ...write(2), key: "silent" }]))).toEqual(["written"]);
    }, FAILED_OVER);
    expect(await ask(next, (it) => it.get("silent"))).toBe(write(2).value);
    expect(await store.read(["silent"])).toEqual([write(2).value]);
    primary.thaw();
  });
});
