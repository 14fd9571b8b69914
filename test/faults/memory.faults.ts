import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALL_TARGETS } from "../../internal/aggregator/assignment.ts";
import { NO_REPLAY_WAIT } from "../../internal/aggregator/replay-wait.testing.ts";
import { runTick, type TickContext } from "../../internal/aggregator/tick.ts";
import { openStore } from "../../internal/cache/open-store.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "../../internal/cache/redis/server.testing.ts";
import { plainClient } from "../../internal/cache/redis/store.testing.ts";
import type { PriceStore } from "../../internal/cache/store.ts";
import { floorTo, seconds } from "../../internal/canonical/time.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { policySettings } from "../../internal/config/schema.ts";
import { stopwatch } from "../../internal/lib/clock.ts";
import { makePolicy } from "../../internal/policy/policy.ts";
import type { Database } from "../../internal/storage/connection/database.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { migrateUp } from "../../internal/storage/schema/migrate.ts";
import { startDecoder } from "./decoder.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { count } from "./figures.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";
import { nowMicros } from "./recovery.ts";

const TICKS = 1_000;
/** The tick by which intended caches are filled: prepared statements, plans, compiled code. */
const WARM = 200;
/** The allowed growth, for code that is compiled late; a leak per tick would exceed it. */
const MOST_GROWTH_BYTES = 4 * 2 ** 20;
const FAULT_EVERY = 10;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const isLeftOut = !canStartPostgres("memory under faults") || !canStartRedis();

describe.skipIf(isLeftOut)(`memory over ${TICKS} ticks, every ${FAULT_EVERY}th with a fault`, () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let proxies: { database: FaultProxy; redis: FaultProxy };
  let database: Database;
  let store: PriceStore;
  beforeAll(async () => {
    [postgres, redis] = await Promise.all([makePostgresServer(), makeRedisServer()]);
    await Promise.all([postgres.start(), redis.start()]);
    proxies = {
      database: await startFaultProxy(postgres.port),
      redis: await startFaultProxy(Number(new URL(redis.url).port)),
    };
    const url = postgres.url.replace(String(postgres.port), String(proxies.database.port));
    const circuit = { failures: 3, cooldownSeconds: 0.1, stopwatch, onChange: () => {} };
    database = await openDatabase({ url, max_connections: 2 }, { queryTimeoutSeconds: 2, circuit });
    await migrateUp(database, {
      timescaledb: "off",
      retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      log: () => {},
    });
    store = openStore({ url: `redis://127.0.0.1:${proxies.redis.port}`, key_prefix: "" }, { circuit });
    const decoder = await startDecoder(postgres.url, 1);
    await decoder.close();
  });
  afterAll(async () => {
    await Promise.all([store?.close(), database?.close()]);
    await Promise.all([proxies?.database.close(), proxies?.redis.close()]);
    await Promise.all([postgres?.remove(), redis?.remove()]);
  });

  it("does not grow, and neither do sockets and timers", async () => {
    const { config } = loadConfig({ env: { STELLARINDEX_AGGREGATE_PAIRS: "XLM/USD,BTC/USD,XLM/BTC" } });
    const context: TickContext = {
      database,
      store,
      policy: makePolicy(policySettings(config)),
      targets: config.aggregate.pairs.map((pair) => ({ pair, windowSeconds: 60 })),
      concurrency: config.aggregate.concurrency,
      maxTrades: config.aggregate.max_trades_per_window,
      precomputeTwap: false,
      replayWait: NO_REPLAY_WAIT,
      namedSources: new Set<string>(),
      assignment: ALL_TARGETS,
      now: nowMicros,
      stopwatch,
    };
    const to = floorTo(nowMicros(), seconds(1));
    const outcomes = { faulty: 0, failed: 0, written: 0 };
    let warm = { heap: 0, resources: 0 };
    for (let tick = 1; tick <= TICKS; tick++) {
      const isFaulty = tick % FAULT_EVERY === 0;
      const running = runTick(context, to, new AbortController().signal);
      if (isFaulty) await disturb(tick / FAULT_EVERY);
      const { counts } = await running;
      count("ticks");
      outcomes.faulty += Number(isFaulty);
      outcomes.failed += Number(counts.error > 0);
      outcomes.written += counts.written;
      if (tick === WARM) warm = inUse();
    }
    const end = inUse();
    count("memory in use after 200 ticks, bytes", warm.heap);
    count("memory in use after 1000 ticks, bytes", end.heap);
    count("faults", outcomes.faulty);
    expect(outcomes.failed).toBeGreaterThan(outcomes.faulty / 4);
    expect(outcomes.written).toBeGreaterThan(TICKS);
    expect(end.heap - warm.heap).toBeLessThan(MOST_GROWTH_BYTES);
    expect(end.resources - warm.resources).toBeLessThan(10);
  });

  /** The faults, one after another, each during a tick. */
  async function disturb(turn: number): Promise<void> {
    const faults = [
      () => proxies.database.cut(),
      () => proxies.redis.cut(),
      () => redisCommand("FLUSHALL"),
      () => proxies.database.halfClose("client"),
      () => redisCommand("CLIENT", "KILL", "TYPE", "normal"),
      () => proxies.redis.halfClose("server"),
    ];
    await faults[turn % faults.length]?.();
  }

  async function redisCommand(name: string, ...args: string[]): Promise<void> {
    const client = plainClient(redis.url);
    client.on("error", () => {});
    try {
      await client.connect();
      await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  }
});

function inUse(): { heap: number; resources: number } {
  collectGarbage();
  return { heap: process.memoryUsage().heapUsed, resources: process.getActiveResourcesInfo().length };
}
