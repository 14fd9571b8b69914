import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CircuitState } from "../../lib/circuit-breaker.ts";
import { keepProbing } from "../../lib/probe.ts";
import { makeLocalCopies } from "../copies/local-copies.ts";
import type { PriceStore } from "../store.ts";
import { BACK, failureOf, soon, write } from "./outage.testing.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "./server.testing.ts";
import { plainClient } from "./store.testing.ts";
import { openRedisStore } from "./store.ts";

const COOLDOWN = 10;
const REFUSED = "Redis: circuit open after 3 consecutive failures; it is retried every 10 s";
const refused = expect.objectContaining({ name: "CircuitOpen", message: REFUSED });

describe.skipIf(!canStartRedis())("the circuit breaker of Redis", () => {
  const opened: PriceStore[] = [];
  let server: RedisServer;
  /** Seconds on the circuit breakers' clock. */
  let now = 0;

  beforeAll(async () => {
    server = await makeRedisServer();
  });
  beforeEach(() => server.start());
  afterEach(async () => {
    server.thaw();
    await Promise.all(opened.splice(0).map((store) => store.close()));
    await server.kill();
  });
  afterAll(() => server.remove());

  function open(url = server.url): { store: PriceStore; states: CircuitState[] } {
    const states: CircuitState[] = [];
    const store = openRedisStore(url, "", {
      failures: 3,
      cooldownSeconds: COOLDOWN,
      stopwatch: () => now,
      onChange: (state) => states.push(state),
    });
    opened.push(store);
    return { store, states };
  }

  /** Advances the clock by cooldowns until a call is answered. */
  async function recover(store: PriceStore): Promise<void> {
    await vi.waitFor(async () => {
      now += COOLDOWN;
      await store.ping();
    }, BACK);
    expect(store.breaker.state()).toBe("closed");
  }

  test("opens when Redis is down; then calls are refused immediately, except one attempt per cooldown", {
    timeout: 60_000,
  }, async () => {
    const { store, states } = open();
    await store.ping();
    await server.kill();
    await vi.waitFor(() => expect(failureOf(store.ping())).resolves.toContain("ECONNREFUSED"), BACK);
    await soon(Promise.allSettled([store.read(["key"]), store.readWithTtl(["key"]), store.put("key", "text", 5)]));
    expect(states).toEqual(["open"]);

    await expect(store.ping()).rejects.toEqual(refused);
    await expect(store.read(["key"])).rejects.toEqual(refused);
    await expect(store.readWithTtl(["key"])).rejects.toEqual(refused);
    await expect(store.put("key", "text", 5)).rejects.toEqual(refused);
    const unordered = { ...write(2), to: "late" };
    const outcomes = await store.publish([write(1), unordered, write(3)]);
    expect(outcomes).toEqual([
      refused,
      expect.objectContaining({ message: expect.stringContaining('"late"') }),
      refused,
    ]);

    now += COOLDOWN;
    const [tried, ...others] = await Promise.all([
      store.publish([write(1), write(2)]),
      failureOf(store.ping()),
      failureOf(store.read(["key"])),
    ]);
    const gone = expect.objectContaining({ message: expect.stringMatching(/: no connection \(.*ECONNREFUSED/) });
    expect(tried).toEqual([gone, gone]);
    expect(others).toEqual([REFUSED, REFUSED]);
    expect(states).toEqual(["open", "half-open", "open"]);

    await server.start();
    await recover(store);
    expect(states.slice(-2)).toEqual(["half-open", "closed"]);
    expect(await store.publish([write(1), write(3), write(2)])).toEqual(["written", "written", "superseded"]);
    expect(await store.read(["key"])).toEqual([write(3).value]);
  });

  test.each<[string, (store: PriceStore) => Promise<unknown>]>([
    ["publishing", (store) => store.publish([write(1), write(2)])],
    ["reading with times to live", (store) => store.readWithTtl(["key"])],
  ])("opens if %s is not answered", { timeout: 60_000 }, async (_, call) => {
    const { store } = open();
    await store.ping();
    server.freeze();
    await soon(Promise.allSettled([call(store), call(store)]));
    expect(store.breaker.state()).toBe("closed");
    await soon(Promise.allSettled([call(store)]));
    expect(store.breaker.state()).toBe("open");
    server.thaw();
    await recover(store);
  });

  test("opens and closes without other traffic", { timeout: 60_000 }, async () => {
    const { store, states } = open();
    await store.ping();
    const probe = keepProbing(store.breaker, 0.4, () => store.ping());
    await server.kill();
    await vi.waitFor(() => expect(states).toContain("open"), BACK);
    await server.start();
    await vi.waitFor(() => {
      now += COOLDOWN;
      expect(store.breaker.state()).toBe("closed");
    }, BACK);
    probe.stop();
  });

  test("a publish of many chunks counts as one failure or one attempt", { timeout: 60_000 }, async () => {
    const { store } = open();
    const many = Array.from({ length: 2000 }, (_, index) => ({ ...write(1), key: `key-${index}` }));
    await store.ping();
    server.freeze();
    await soon(Promise.all([store.publish(many), store.publish(many)]));
    expect(store.breaker.state()).toBe("closed");
    await soon(store.publish(many));
    expect(store.breaker.state()).toBe("open");
    server.thaw();
    await recover(store);
    await server.kill();
    await soon(Promise.all([store.publish(many), store.publish(many), store.publish(many)]));
    expect(store.breaker.state()).toBe("open");
    await server.start();
    await vi.waitFor(async () => {
      now += COOLDOWN;
      expect(new Set(await store.publish(many))).toEqual(new Set(["written"]));
    }, BACK);
  });

  test("a publish whose connection is lost is retried", async () => {
    const raw = plainClient(server.url);
    const { store, states } = open();
    await store.ping();
    await raw.client("PAUSE", 60_000, "WRITE");
    const published = store.publish([write(1), write(2)]);
    await vi.waitFor(async () => expect(await raw.client("LIST")).toMatch(/name=stellarindex .*flags=b .*cmd=eval/));
    await raw.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await raw.client("UNPAUSE");
    raw.disconnect();
    expect(await soon(published)).toEqual(["written", "written"]);
    expect(await store.read(["key"])).toEqual([write(2).value]);
    expect(states).toEqual([]);
  });

  test("a read whose connection is lost is retried, a put is not", async () => {
    const proxy = await startProxy(server.url);
    const { store } = open(proxy.url);
    await store.ping();
    const reads: (() => Promise<unknown[]>)[] = [() => store.read(["key"]), () => store.readWithTtl(["key"])];
    for (const read of reads) {
      await vi.waitFor(() => store.ping(), BACK);
      proxy.hold();
      const reading = read();
      await proxy.held();
      proxy.cut();
      expect(await soon(reading)).toEqual([null]);
    }
    proxy.hold();
    const putting = failureOf(store.put("key", "text", 5));
    await proxy.held();
    proxy.cut();
    expect(await soon(putting)).toContain("the connection was lost");
    await store.close();
    proxy.close();
  });

  test("local copies are dropped immediately when Redis is down, and used again once it is back", {
    timeout: 60_000,
  }, async () => {
    const { store } = open();
    const states: boolean[] = [];
    const copies = makeLocalCopies(
      store,
      () => 0,
      (isFollowing) => states.push(isFollowing),
    );
    await vi.waitFor(() => expect(states).toEqual([true]));
    await store.publish([write(1)]);
    await copies.read(["key"]);
    expect(copies.read(["key"])).toEqual([write(1).value]);
    await server.kill();
    await vi.waitFor(() => expect(states).toEqual([true, false]));
    await soon(Promise.allSettled([1, 2, 3].map(async () => copies.read(["key"]))));
    await expect(copies.read(["key"])).rejects.toEqual(refused);

    await server.start();
    // Subscribing does not go through the circuit breaker.
    await vi.waitFor(() => expect(states).toEqual([true, false, true]), BACK);
    await recover(store);
    expect(await copies.read(["key"])).toEqual([null]);
    await store.publish([write(2)]);
    await vi.waitFor(async () => expect(await copies.read(["key"])).toEqual([write(2).value]));
  });
});

/** A TCP proxy to Redis that can hold data back and cut connections. */
async function startProxy(target: string) {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isHolding = false;
  let heldSomething = (): void => {};
  let something = Promise.resolve();
  const listening = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (data) => (isHolding ? heldSomething() : upstream.write(data)));
    upstream.pipe(client);
  }).listen(0, "127.0.0.1");
  await once(listening, "listening");
  const cut = (): void => {
    isHolding = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    hold() {
      isHolding = true;
      something = new Promise((resolve) => {
        heldSomething = resolve;
      });
    },
    held: () => something,
    cut,
    close() {
      cut();
      listening.close();
    },
  };
}
