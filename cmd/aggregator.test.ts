import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../internal/cache/open-store.ts";
import { deleteTestKeys, plainClient, testKeyPrefix, testRedisUrl } from "../internal/cache/redis/store.testing.ts";
import type { PriceStore } from "../internal/cache/store.ts";
import type { Pair } from "../internal/canonical/pair.ts";
import type { TradeRow } from "../internal/canonical/trade.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../internal/storage/connection/database.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { type Environment, type RunningProgram, runHere, runProgram, startProgram } from "../test/program.ts";
import { aggregatorEnvironment, PAIRS, trade } from "./aggregator.testing.ts";

const redisUrl = await testRedisUrl();
const isLeftOut = redisUrl === null || serverTestEngine === null;
if (isLeftOut) console.log("left out: the aggregator as a process, because it needs both PostgreSQL and Redis");

describe.skipIf(isLeftOut)("aggregator", () => {
  let database: TestDatabase;
  let store: PriceStore;
  let prefix: string;
  const running: RunningProgram[] = [];

  beforeAll(async () => {
    database = await openTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>);
  });
  afterEach(async () => {
    for (const program of running.splice(0)) if (program.process.exitCode === null) await program.stop("SIGKILL");
    await store?.close();
  });
  afterAll(async () => {
    await database?.drop();
  });

  const environment = (keyPrefix: string, more: Environment = {}): Environment => ({
    ...aggregatorEnvironment(database.url, redisUrl as string, keyPrefix),
    ...more,
  });

  function start(keyPrefix: string, more: Environment = {}): RunningProgram {
    const program = startProgram(["aggregator"], environment(keyPrefix, more));
    running.push(program);
    return program;
  }

  it("publishes to Redis, with a TTL, the bytes that compute prints, and reports it in logs, health and metrics", async () => {
    prefix = testKeyPrefix();
    store = openStore({ url: redisUrl as string, key_prefix: prefix });
    await writeTrades(database, tradesAround(Date.now(), PAIRS));
    const program = start(prefix);
    const started = JSON.parse(await program.line((line) => line.includes("aggregator started")));
    const tick = JSON.parse(await program.line((line) => line.includes('"msg":"tick"')));
    expect(tick).toMatchObject({ level: "info", targets: 6, error: 0 });
    const ready = await fetch(`${started.ops}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      {
        status: "ok",
        checks: { database: "ok", redis: "ok", tick: "ok" },
        circuits: { database: "closed", redis: "closed" },
      },
    ]);
    const [value] = await store.read(["vwap:crypto:XLM:fiat:USD:60"]);
    const { to } = JSON.parse(value as string);
    const computed = await runHere(
      ["compute", "--pair", "XLM/USD", "--window", "60s", "--at", to],
      environment(prefix),
    );
    expect(computed).toEqual({ out: `${value}\n`, err: "", status: 0 });
    const redis = await plainClient(redisUrl as string);
    expect(await redis.ttl(`${prefix}vwap:crypto:XLM:fiat:USD:60`)).toBeLessThanOrEqual(60);
    await redis.quit();
    const metrics = await (await fetch(`${started.ops}/metrics`)).text();
    expect(metrics).toMatch(/stellarindex_aggregator_ticks_total\{outcome="ok"\} [1-9]/);
    expect(metrics).toMatch(/stellarindex_aggregator_ticks_total\{outcome="error"\} 0/);
    expect(metrics).not.toContain("crypto:");
    expect(await program.stop()).toBe(0);
    expect(program.lines.at(-1)).toContain("aggregator stopped");
    await deleteTestKeys(redisUrl as string, prefix);
  });

  it("publishes the other targets if one fails", async () => {
    prefix = testKeyPrefix();
    store = openStore({ url: redisUrl as string, key_prefix: prefix });
    await writeTrades(database, tradesAround(Date.now(), PAIRS));
    // Only the raw trades of the last half minute exist: the long window has a value only if it starts on a minute.
    await database.sql`UPDATE retention_horizons SET complete_from = now() - interval '30 seconds' WHERE table_name = 'trades'`;
    const program = start(prefix);
    const tick = JSON.parse(await program.line((line) => line.includes("tick with failures")));
    expect(tick).toMatchObject({ error: 3, targets: 6 });
    const failed = JSON.parse(await program.line((line) => line.includes("target failed")));
    expect(failed).toMatchObject({ window_seconds: 60, reason: expect.stringContaining("have been removed") });
    await program.line((line) => /"written":3/.test(line));
    expect(await program.stop()).toBe(0);
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity' WHERE table_name = 'trades'`;
    await deleteTestKeys(redisUrl as string, prefix);
  });

  it("shuts down cleanly on SIGTERM during a tick", async () => {
    prefix = testKeyPrefix();
    const program = await database.sql.begin(async (transaction) => {
      await transaction`LOCK TABLE trades_1m, trades IN ACCESS EXCLUSIVE MODE`;
      const started = start(prefix, { STELLARINDEX_AGGREGATE_CONCURRENCY: "4" });
      await blockedReaders(database, 1);
      started.process.kill("SIGTERM");
      await started.line((line) => line.includes('"msg":"stopping"'));
      return started;
    });
    expect(await program.ended).toBe(0);
    const tick = JSON.parse(program.lines.find((line) => line.includes('"msg":"tick"')) ?? "");
    // Four of six targets were in flight: they are completed and written, the others are not started.
    expect(tick).toMatchObject({ targets: 6, abandoned: 2, error: 0 });
    expect(program.lines.at(-1)).toContain("aggregator stopped");
    await deleteTestKeys(redisUrl as string, prefix);
  });

  it("computes one boundary with --once --at", async () => {
    prefix = testKeyPrefix();
    store = openStore({ url: redisUrl as string, key_prefix: prefix });
    await writeTrades(database, tradesAround(Date.parse("2026-01-01T00:00:58Z"), PAIRS));
    const once = ["aggregator", "--once", "--at", "2026-01-01T00:01:00.9Z"];
    const { status, out } = await runProgram(once, environment(prefix));
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ to: "2026-01-01T00:01:00Z", written: 6 });
    const [value] = await store.read(["vwap:crypto:BTC:fiat:USD:60"]);
    expect(JSON.parse(value as string)).toMatchObject({ to: "2026-01-01T00:01:00Z", from: "2026-01-01T00:00:00Z" });
    await deleteTestKeys(redisUrl as string, prefix);
  });

  it("refuses invalid options and configurations with status 2 and the fix", async () => {
    const future = await runHere(["aggregator", "--once", "--at", "2999-01-01T00:00:00Z"], environment("x:"));
    expect(future).toMatchObject({ status: 2, err: expect.stringContaining("is in the future") });
    const alone = await runHere(["aggregator", "--at", "2026-01-01T00:00:00Z"], environment("x:"));
    expect(alone).toMatchObject({ status: 2, err: expect.stringContaining("--at needs --once") });
    const unshared = await runHere(["aggregator"], environment("x:", { STELLARINDEX_REDIS_URL: "memory:" }));
    expect(unshared).toMatchObject({ status: 2, err: expect.stringContaining("redis.url") });
  });
});

function tradesAround(milliseconds: number, pairs: readonly Pair[]): TradeRow[] {
  return pairs.flatMap((pair) =>
    [0, 1, 2, 3].map((back) => trade(pair, BigInt(milliseconds - back * 700) * 1000n, `${milliseconds}-${back}`)),
  );
}

/** Waits until `count` queries of the program wait for a lock. */
async function blockedReaders(database: TestDatabase, count: number): Promise<void> {
  await expect
    .poll(
      async () => {
        const [row] = await database.sql<{ waiting: number }[]>`
          SELECT count(*)::int AS waiting FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`;
        return row?.waiting ?? 0;
      },
      { timeout: 10_000 },
    )
    .toBeGreaterThanOrEqual(count);
}
