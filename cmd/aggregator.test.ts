import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { deleteTestKeys, plainClient, testKeyPrefix, testRedisUrl } from "../internal/cache/redis.testing.ts";
import { openStore, type PriceStore } from "../internal/cache/store.ts";
import { parseDecimal } from "../internal/canonical/decimal.ts";
import { type Pair, parsePair } from "../internal/canonical/pair.ts";
import type { TradeRow } from "../internal/canonical/trade.ts";
import { openTestDatabase, serverTestEngine, type TestDatabase } from "../internal/storage/database.testing.ts";
import { writeTrades } from "../internal/storage/trades.ts";
import { type Environment, type RunningProgram, runProgram, startProgram } from "../test/program.ts";

const redisUrl = await testRedisUrl();
const isLeftOut = redisUrl === null || serverTestEngine === null;
if (isLeftOut) console.log("left out: the aggregator as a process, because it needs both PostgreSQL and Redis");

const PAIRS = ["XLM/USD", "BTC/USD", "ETH/USD"].map(parsePair);

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

  /** A short cadence: a tick a second, a second to settle. */
  function environment(keyPrefix: string, more: Environment = {}): Environment {
    return {
      STELLARINDEX_DATABASE_URL: database.url,
      STELLARINDEX_REDIS_URL: redisUrl as string,
      STELLARINDEX_REDIS_KEY_PREFIX: keyPrefix,
      STELLARINDEX_AGGREGATE_PAIRS: PAIRS.map(({ base, quote }) => `${base}/${quote}`).join(","),
      STELLARINDEX_AGGREGATE_WINDOWS: "5s,60s",
      STELLARINDEX_AGGREGATE_VWAP_WINDOW_SECONDS: "5",
      STELLARINDEX_AGGREGATE_TWAP_WINDOW_SECONDS: "5",
      STELLARINDEX_AGGREGATE_INTERVAL_SECONDS: "1",
      STELLARINDEX_AGGREGATE_BUCKET_SECONDS: "1",
      STELLARINDEX_AGGREGATE_SETTLE_SECONDS: "1",
      STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: "0",
      STELLARINDEX_AGGREGATE_OPS_LISTEN: "127.0.0.1:0",
      ...more,
    };
  }

  function start(keyPrefix: string, more: Environment = {}): RunningProgram {
    const program = startProgram(["aggregator"], environment(keyPrefix, more));
    running.push(program);
    return program;
  }

  it("publishes what compute prints, to Redis under its TTL, and tells of it in logs, health and metrics", async () => {
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
    const computed = await runProgram(
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

  it("leaves a failing target behind and goes on with the others", async () => {
    prefix = testKeyPrefix();
    store = openStore({ url: redisUrl as string, key_prefix: prefix });
    await writeTrades(database, tradesAround(Date.now(), PAIRS));
    // Raw trades are gone beyond the last half minute: the long window cannot be answered unless it starts on a minute.
    await database.sql`UPDATE retention_horizons SET complete_from = now() - interval '30 seconds' WHERE table_name = 'trades'`;
    const program = start(prefix);
    const tick = JSON.parse(await program.line((line) => line.includes("tick with failures")));
    expect(tick).toMatchObject({ error: 3, targets: 6 });
    const failed = JSON.parse(await program.line((line) => line.includes("target failed")));
    expect(failed).toMatchObject({ window_seconds: 60, reason: expect.stringContaining("has been removed") });
    await program.line((line) => /"written":3/.test(line));
    expect(await program.stop()).toBe(0);
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity' WHERE table_name = 'trades'`;
    await deleteTestKeys(redisUrl as string, prefix);
  });

  it("ends cleanly on SIGTERM in the middle of a tick", async () => {
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
    // Four of six targets were in flight: they are finished and written, the others are not begun.
    expect(tick).toMatchObject({ targets: 6, abandoned: 2, error: 0 });
    expect(program.lines.at(-1)).toContain("aggregator stopped");
    await deleteTestKeys(redisUrl as string, prefix);
  });

  it("keeps no state: killed at random moments, it publishes what an undisturbed one does", async () => {
    const [calm, killed] = [testKeyPrefix(), testKeyPrefix()];
    const stores = [calm, killed].map((key_prefix) => openStore({ url: redisUrl as string, key_prefix }));
    const published = stores.map(() => new Map<string, string>());
    await Promise.all(
      stores.map((each, index) =>
        each.subscribe(async ({ key, to }) => {
          const [value] = await each.read([key]);
          if (value != null && JSON.parse(value).to === to) published[index]?.set(`${key} ${to}`, value);
        }),
      ),
    );
    const writing = new AbortController();
    const decoder = writeLive(database, writing.signal);
    start(calm);
    for (let round = 0; round < 4; round++) {
      const program = start(killed);
      await program.line((line) => line.includes('"msg":"tick"'));
      await moments(Math.floor(Math.random() * 900));
      await program.stop("SIGKILL");
    }
    const last = start(killed);
    await last.line((line) => line.includes('"msg":"tick"'));
    const common = (): string[] => [...(published[1]?.keys() ?? [])].filter((key) => published[0]?.has(key));
    await expect.poll(() => common().length, { timeout: 20_000 }).toBeGreaterThan(30);
    writing.abort();
    await decoder;
    for (const key of common()) expect(published[1]?.get(key)).toBe(published[0]?.get(key));
    await Promise.all(stores.map((each) => each.close()));
    for (const each of [calm, killed]) await deleteTestKeys(redisUrl as string, each);
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

  it("refuses what cannot be, with status 2 and the cure", async () => {
    const future = await runProgram(["aggregator", "--once", "--at", "2999-01-01T00:00:00Z"], environment("x:"));
    expect(future).toMatchObject({ status: 2, err: expect.stringContaining("is in the future") });
    const alone = await runProgram(["aggregator", "--at", "2026-01-01T00:00:00Z"], environment("x:"));
    expect(alone).toMatchObject({ status: 2, err: expect.stringContaining("--at goes with --once") });
    const unshared = await runProgram(["aggregator"], environment("x:", { STELLARINDEX_REDIS_URL: "memory:" }));
    expect(unshared).toMatchObject({ status: 2, err: expect.stringContaining("redis.url") });
  });
});

function tradesAround(milliseconds: number, pairs: readonly Pair[]): TradeRow[] {
  return pairs.flatMap((pair) =>
    [0, 1, 2, 3].map((back) => trade(pair, BigInt(milliseconds - back * 700) * 1000n, `${milliseconds}-${back}`)),
  );
}

function trade(pair: Pair, ts: bigint, tradeId: string): TradeRow {
  const baseAmount = parseDecimal(`${(Number(ts) % 97) + 1}.5`);
  return {
    ...pair,
    ts,
    source: "kraken",
    tradeId,
    baseAmount,
    quoteAmount: baseAmount.times(parseDecimal("0.1234567")),
  };
}

/** Writes a trade of every pair every few milliseconds, each within its settle time. */
async function writeLive(database: TestDatabase, signal: AbortSignal): Promise<void> {
  for (let count = 0; !signal.aborted; count++) {
    const now = BigInt(Date.now()) * 1000n;
    await writeTrades(
      database,
      PAIRS.map((pair) => trade(pair, now, `live-${count}`)),
    );
    await moments(20);
  }
}

/** Waits until so many of the program's queries wait for a lock. */
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

function moments(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
