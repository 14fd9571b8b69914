import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import type { PriceStore } from "../store.ts";
import { connectRedis } from "./connection.ts";
import { BACK, failureOf, soon, write } from "./outage.testing.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "./server.testing.ts";
import { plainClient } from "./store.testing.ts";
import { openRedisStore } from "./store.ts";

describe.skipIf(!canStartRedis())("a Redis with an outage", () => {
  const opened: PriceStore[] = [];
  let server: RedisServer;

  beforeAll(async () => {
    server = await makeRedisServer();
    await server.start();
  });
  afterEach(async () => {
    server.thaw();
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });
  afterAll(() => server.remove());

  function open(url = server.url): PriceStore {
    const store = openRedisStore(url, "");
    opened.push(store);
    return store;
  }

  test("commands fail quickly with the reason, and commands and subscriptions recover once it is back", {
    timeout: 60_000,
  }, async () => {
    const store = open();
    const heard: string[] = [];
    const states: string[] = [];
    await store.subscribe(({ to }) => heard.push(to), {
      onUp: () => states.push("up"),
      onDown: () => states.push("down"),
    });
    expect(await store.publish([write(1), write(2)])).toEqual(["written", "written"]);
    await vi.waitFor(() => expect(heard).toHaveLength(2));

    await server.kill();
    await vi.waitFor(() => expect(states).toEqual(["up", "down"]));
    const away = /^Redis at 127\.0\.0\.1:\d+: .*(ECONNREFUSED|connection was lost)/;
    const all = soon(Promise.allSettled([store.ping(), store.read(["key"]), store.subscribe(() => {})]));
    for (const result of await all) {
      expect(result).toMatchObject({ status: "rejected", reason: { message: expect.stringMatching(away) } });
    }
    const failed = await soon(store.publish([write(3), write(4)]));
    expect(failed).toEqual([expect.any(Error), expect.any(Error)]);

    await server.start();
    await vi.waitFor(() => store.ping(), BACK);
    expect(await store.read(["key"])).toEqual([null]);
    // The subscription is restored on its own connection.
    await vi.waitFor(async () => {
      await store.publish([write(5)]);
      expect(heard).toContain(write(5).to);
    }, BACK);
    expect(heard).not.toContain(write(3).to);
    expect(states).toEqual(["up", "down", "up"]);
  });

  test("a store that is opened while Redis is down works once it is up", { timeout: 60_000 }, async () => {
    await server.kill();
    const store = open();
    await expect(soon(store.ping())).rejects.toThrow("ECONNREFUSED");
    await server.start();
    await vi.waitFor(() => store.ping(), BACK);
    expect(await store.publish([write(1)])).toEqual(["written"]);
  });

  test("calls to a Redis that does not answer time out", { timeout: 60_000 }, async () => {
    const store = open();
    await store.ping();
    server.freeze();
    const [read, published] = await soon(Promise.all([failureOf(store.read(["key"])), store.publish([write(9)])]));
    expect(read).toContain("no reply within 3 s");
    expect(published).toEqual([expect.objectContaining({ message: expect.stringContaining("no reply within 3 s") })]);
    server.thaw();
    await vi.waitFor(() => store.ping(), BACK);
  });

  test("a slow Redis is waited for, a frozen one is not, and writes stay in order", {
    timeout: 60_000,
  }, async () => {
    const store = open();
    await store.ping();
    const raw = plainClient(server.url);
    await raw.client("PAUSE", 500, "ALL");
    const slow = [store.publish([write(21)]), store.publish([write(23)]), store.publish([write(22)])];
    expect(await Promise.all(slow)).toEqual([["written"], ["written"], ["superseded"]]);
    await raw.client("PAUSE", 4_500, "ALL");
    const [read, published] = await soon(Promise.all([failureOf(store.read(["key"])), store.publish([write(24)])]));
    expect(read).toContain("no reply within 3 s");
    expect(published).toEqual([expect.objectContaining({ message: expect.stringContaining("no reply within 3 s") })]);
    await vi.waitFor(() => store.ping(), BACK);
    // A command without an answer may have been executed nevertheless.
    expect([write(23).value, write(24).value]).toContain((await store.read(["key"]))[0]);
    expect(await store.publish([write(25)])).toEqual(["written"]);
    raw.disconnect();
  });

  test("a Redis that is flushed, including its scripts, is filled again", async () => {
    const store = open();
    const heard: string[] = [];
    await store.subscribe(({ to }) => heard.push(to));
    expect(await store.publish([write(27)])).toEqual(["written"]);
    const raw = plainClient(server.url);
    await raw.flushall();
    await raw.script("FLUSH");
    raw.disconnect();
    expect(await store.read(["key"])).toEqual([null]);
    expect(await store.publish([write(26)])).toEqual(["written"]);
    await vi.waitFor(() => expect(heard).toEqual([write(27).to, write(26).to]));
  });

  test("a subscription to a Redis that stops answering is reported as lost, and restored", {
    timeout: 60_000,
  }, async () => {
    const states: string[] = [];
    await open().subscribe(() => {}, { onUp: () => states.push("up"), onDown: () => states.push("down") });
    await vi.waitFor(() => expect(states).toEqual(["up"]));
    server.freeze();
    await vi.waitFor(() => expect(states).toEqual(["up", "down"]), BACK);
    server.thaw();
    await vi.waitFor(() => expect(states).toEqual(["up", "down", "up"]), BACK);
  });

  test("a connection that was closed for good is opened again by the next call", { timeout: 60_000 }, async () => {
    const connection = connectRedis(server.url, NO_CIRCUIT_BREAKER);
    await connection.run((client) => client.ping());
    const given = new Promise((resolve) => connection.client.once("end", resolve));
    connection.client.disconnect();
    await given;
    expect(await connection.run((client) => client.ping())).toBe("PONG");
    await connection.close();
  });

  test("a store can be closed while Redis is down or frozen", { timeout: 60_000 }, async () => {
    const store = open();
    await store.subscribe(() => {});
    server.freeze();
    await soon(store.close());
    server.thaw();

    const another = open();
    await another.subscribe(() => {});
    await server.kill();
    const waiting = failureOf(another.ping());
    await soon(another.close());
    expect(await waiting).toMatch(/closed|lost/);
    await server.start();
  });
});

describe.skipIf(!canStartRedis())("a Redis with a password", () => {
  const password = "s3cret-pass";
  let server: RedisServer;

  beforeAll(async () => {
    server = await makeRedisServer(["--requirepass", password]);
    await server.start();
  });
  afterAll(() => server.remove());

  test("accepts the password of the URL", async () => {
    const store = openRedisStore(server.url.replace("//", `//:${password}@`), "");
    await store.ping();
    await store.close();
  });

  test("accepts a client that was refused, once the password is changed to that client's", {
    timeout: 60_000,
  }, async () => {
    const store = openRedisStore(server.url.replace("//", "//:next-pass@"), "");
    expect(await failureOf(store.ping())).toContain("WRONGPASS");
    const raw = plainClient(server.url.replace("//", `//:${password}@`));
    await raw.config("SET", "requirepass", "next-pass");
    await vi.waitFor(() => store.ping(), BACK);
    await raw.config("SET", "requirepass", password);
    raw.disconnect();
    await store.close();
  });

  test("refuses a wrong password, which no error and no output shows", async () => {
    const wrong = "wr0ng%2Dpass";
    const outputs = [vi.spyOn(console, "warn"), vi.spyOn(console, "error"), vi.spyOn(console, "log")];
    const store = openRedisStore(server.url.replace("//", `//user:${wrong}@`), "");
    const failures = await Promise.allSettled([store.ping(), store.read(["key"]), store.subscribe(() => {})]);
    const [outcome] = await store.publish([write(1)]);
    await store.close();
    const reasons = [...failures.map((each) => (each.status === "rejected" ? each.reason : "resolved")), outcome];
    for (const reason of reasons) {
      expect(reason).toHaveProperty("message", expect.stringContaining("WRONGPASS"));
      expect(Object.keys(reason as Error)).toEqual([]);
      expect((reason as Error).cause).toBeUndefined();
      expect((reason as Error).stack).not.toMatch(/wr0ng/);
    }
    for (const output of outputs) {
      expect(JSON.stringify(output.mock.calls)).not.toContain("wr0ng");
      output.mockRestore();
    }
  });
});
