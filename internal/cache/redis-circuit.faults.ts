import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CircuitState } from "../resilience/guard.ts";
import { keepProbing } from "../resilience/probe.ts";
import { makeLocalCopies } from "./local-copies.ts";
import { plainClient } from "./redis.testing.ts";
import { openRedisStore } from "./redis.ts";
import { BACK, failureOf, soon, write } from "./redis-outage.testing.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "./redis-server.testing.ts";
import type { PriceStore } from "./store.ts";

const COOLDOWN = 10;
const REFUSED = "Redis failed 3 times in a row and is tried again every 10 s";
const refused = expect.objectContaining({ name: "CircuitOpen", message: REFUSED });

describe.skipIf(!canStartRedis())("the circuit around Redis", () => {
  const opened: PriceStore[] = [];
  let server: RedisServer;
  /** Seconds on the circuits' clock. */
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

  /** Lets cooldowns pass until a call is answered. */
  async function recover(store: PriceStore): Promise<void> {
    await vi.waitFor(async () => {
      now += COOLDOWN;
      await store.ping();
    }, BACK);
    expect(store.guard.state()).toBe("closed");
  }

  test("opens where Redis is gone; then all is refused at once, one call per cooldown tries, and none waits", {
    timeout: 60_000,
  }, async () => {
    const { store, states } = open();
    await store.ping();
    await server.kill();
    await vi.waitFor(() => expect(failureOf(store.ping())).resolves.toContain("ECONNREFUSED"), BACK);
    await soon(Promise.allSettled([store.read(["key"]), store.readHeld(["key"]), store.put("key", "text", 5)]));
    expect(states).toEqual(["open"]);

    await expect(store.ping()).rejects.toEqual(refused);
    await expect(store.read(["key"])).rejects.toEqual(refused);
    await expect(store.readHeld(["key"])).rejects.toEqual(refused);
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
    ["reading with times to live", (store) => store.readHeld(["key"])],
  ])("opens where %s is not answered, as where other calls are not", { timeout: 60_000 }, async (_, call) => {
    const { store } = open();
    await store.ping();
    server.freeze();
    await soon(Promise.allSettled([call(store), call(store)]));
    expect(store.guard.state()).toBe("closed");
    await soon(Promise.allSettled([call(store)]));
    expect(store.guard.state()).toBe("open");
    server.thaw();
    await recover(store);
  });

  test("opens and closes although nobody asks for anything", { timeout: 60_000 }, async () => {
    const { store, states } = open();
    await store.ping();
    const probe = keepProbing(store.guard, 0.4, () => store.ping());
    await server.kill();
    await vi.waitFor(() => expect(states).toContain("open"), BACK);
    await server.start();
    await vi.waitFor(() => {
      now += COOLDOWN;
      expect(store.guard.state()).toBe("closed");
    }, BACK);
    probe.stop();
  });

  test("a publish of many chunks is one failure, and one trial", { timeout: 60_000 }, async () => {
    const { store } = open();
    const many = Array.from({ length: 2000 }, (_, index) => ({ ...write(1), key: `key-${index}` }));
    await store.ping();
    server.freeze();
    await soon(Promise.all([store.publish(many), store.publish(many)]));
    expect(store.guard.state()).toBe("closed");
    await soon(store.publish(many));
    expect(store.guard.state()).toBe("open");
    server.thaw();
    await recover(store);
    await server.kill();
    await soon(Promise.all([store.publish(many), store.publish(many), store.publish(many)]));
    expect(store.guard.state()).toBe("open");
    await server.start();
    await vi.waitFor(async () => {
      now += COOLDOWN;
      expect(new Set(await store.publish(many))).toEqual(new Set(["written"]));
    }, BACK);
  });

  test("a publish that was cut off is sent again", async () => {
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

  test("a read that was cut off is made again, a put is not", async () => {
    const proxy = await startProxy(server.url);
    const { store } = open(proxy.url);
    await store.ping();
    const reads: (() => Promise<unknown[]>)[] = [() => store.read(["key"]), () => store.readHeld(["key"])];
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

  test("copies of what Redis held are given up at once, and all follows again once it is back", {
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
    // To subscribe needs nobody's leave.
    await vi.waitFor(() => expect(states).toEqual([true, false, true]), BACK);
    await recover(store);
    expect(await copies.read(["key"])).toEqual([null]);
    await store.publish([write(2)]);
    await vi.waitFor(async () => expect(await copies.read(["key"])).toEqual([write(2).value]));
  });
});

/** A way to Redis on which what is sent can be held back, and which can be cut. */
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
