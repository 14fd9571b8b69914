import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLOSING } from "../../internal/aggregate/orchestrator/closing.testing.ts";
import { EVERYTHING } from "../../internal/aggregate/orchestrator/replicas.ts";
import { runTick, type TickContext } from "../../internal/aggregate/orchestrator/tick.ts";
import { makePolicy } from "../../internal/aggregate/policy.ts";
import { plainClient } from "../../internal/cache/redis.testing.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "../../internal/cache/redis-server.testing.ts";
import { openStore, type PriceStore } from "../../internal/cache/store.ts";
import { floorTo, seconds } from "../../internal/canonical/time.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { policySettings } from "../../internal/config/schema.ts";
import { stopwatch } from "../../internal/obs/clock.ts";
import { type Database, openDatabase } from "../../internal/storage/database.ts";
import { migrateUp } from "../../internal/storage/migrate.ts";
import { startDecoder } from "./decoder.ts";
import { count } from "./figures.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";
import { nowMicros } from "./recovery.ts";
import { makeWire, type Wire } from "./wire.ts";

const TICKS = 1_000;
/** By then what is kept on purpose is there: prepared statements, plans, compiled code. */
const WARM = 200;
/** What may come on top of it: code that is compiled late, not something kept of every tick. */
const MOST_GROWTH_BYTES = 4 * 2 ** 20;
const FAULT_EVERY = 10;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const isLeftOut = !canStartPostgres("memory under faults") || !canStartRedis();

describe.skipIf(isLeftOut)(`memory over ${TICKS} ticks, every ${FAULT_EVERY}th with a fault`, () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let wires: { database: Wire; redis: Wire };
  let database: Database;
  let store: PriceStore;
  beforeAll(async () => {
    [postgres, redis] = await Promise.all([makePostgresServer(), makeRedisServer()]);
    await Promise.all([postgres.start(), redis.start()]);
    wires = { database: await makeWire(postgres.port), redis: await makeWire(Number(new URL(redis.url).port)) };
    const url = postgres.url.replace(String(postgres.port), String(wires.database.port));
    const circuit = { failures: 3, cooldownSeconds: 0.1, stopwatch, onChange: () => {} };
    database = await openDatabase({ url, max_connections: 2 }, { queryTimeoutSeconds: 2, circuit });
    await migrateUp(database, {
      timescaledb: "off",
      retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      log: () => {},
    });
    store = openStore({ url: `redis://127.0.0.1:${wires.redis.port}`, key_prefix: "" }, { circuit });
    const decoder = await startDecoder(postgres.url, 1);
    await decoder.close();
  });
  afterAll(async () => {
    await Promise.all([store?.close(), database?.close()]);
    await Promise.all([wires?.database.close(), wires?.redis.close()]);
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
      closing: CLOSING,
      namedSources: new Set<string>(),
      share: EVERYTHING,
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

  /** One of these, by turns, while a tick is under way. */
  async function disturb(turn: number): Promise<void> {
    const faults = [
      () => wires.database.cut(),
      () => wires.redis.cut(),
      () => redisCommand("FLUSHALL"),
      () => wires.database.halfClose("client"),
      () => redisCommand("CLIENT", "KILL", "TYPE", "normal"),
      () => wires.redis.halfClose("server"),
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
