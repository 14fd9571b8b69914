import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALL_TARGETS } from "../internal/aggregator/assignment.ts";
import {
  type TargetEvent,
  type TriangulationEvent,
  targetDone,
  triangulationDone,
} from "../internal/aggregator/events.ts";
import { feedPriceMetrics } from "../internal/aggregator/price-metrics.ts";
import { NO_REPLAY_WAIT } from "../internal/aggregator/replay-wait.testing.ts";
import { targetsOf } from "../internal/aggregator/target.ts";
import { runTick } from "../internal/aggregator/tick.ts";
import { provenanceKey, vwapKey, withheldKey } from "../internal/cache/keys.ts";
import { openStore } from "../internal/cache/open-store.ts";
import type { PriceStore } from "../internal/cache/store.ts";
import { type Asset, parseAsset } from "../internal/canonical/asset.ts";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { formatPair, parsePair } from "../internal/canonical/pair.ts";
import { serializePublished } from "../internal/canonical/published.ts";
import { contractOf } from "../internal/canonical/stellar-contract.ts";
import { formatTime, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import { parseWithheld } from "../internal/canonical/withheld.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../internal/policy/policy.ts";
import { computePublished } from "../internal/policy/published-value.ts";
import {
  connectBeside,
  openTestDatabase,
  type TestDatabase,
  testEngines,
} from "../internal/storage/connection/database.testing.ts";
import { isTimedOut } from "../internal/storage/connection/errors.ts";
import { openDatabase } from "../internal/storage/open-database.ts";
import { deleteTrades } from "../internal/storage/trades/corrections.ts";
import { trade } from "../internal/storage/trades/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";

const TO = parseTime("2026-05-01T12:00:00Z");
const pair = parsePair;

describe.each(testEngines.slice(-1))("a tick on $name", (engine) => {
  let database: TestDatabase;
  let store: PriceStore;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    const rate = { source: "ecb", tradeId: "2026-04-30" };
    await writeTrades(database, [
      trade(pair("XLM/USD"), TO - seconds(100), { base: "20000", quote: "10000" }),
      trade(pair("EUR/USD"), TO - seconds(90_000), { ...rate, quote: "1.25" }),
      trade(pair("JPY/USD"), TO - seconds(90_000), { ...rate, quote: "0.01" }),
      trade(pair("BTC/EUR"), TO - seconds(100), { base: "1", quote: "50000" }),
      trade(pair("BTC/EUR"), TO - seconds(500), { base: "1", quote: "90000", tradeId: "2" }),
    ]);
  });
  afterAll(async () => {
    await store?.close();
    await database?.drop();
  });

  const policy = makePolicy({
    ...DEFAULT_POLICY_SETTINGS,
    triangulations: [{ target: pair("XLM/JPY"), legs: [pair("XLM/USD"), pair("USD/JPY")] }],
  });
  const pairs = ["XLM/USD", "XLM/EUR", "XLM/JPY", "BTC/EUR", "BTC/GBP"].map(pair);

  const contextOf = () => ({
    database,
    store,
    policy,
    targets: targetsOf(pairs, [300, 3600]),
    concurrency: 2,
    maxTrades: 100,
    precomputeTwap: false,
    replayWait: NO_REPLAY_WAIT,
    assignment: ALL_TARGETS,
    namedSources: new Set<string>(),
    now: () => TO + seconds(6),
    stopwatch: () => 0,
  });

  async function tick(to = TO) {
    const events: TargetEvent[] = [];
    const ways: TriangulationEvent[] = [];
    const stops = [
      targetDone.subscribe((event) => events.push(event)),
      triangulationDone.subscribe((event) => ways.push(event)),
    ];
    const { counts } = await runTick(contextOf(), to, new AbortController().signal);
    for (const stop of stops) stop();
    const named = (name: string, windowSeconds = 300) =>
      events.find(
        (event) => formatPair(event.pair) === formatPair(pair(name)) && event.windowSeconds === windowSeconds,
      );
    return { counts, ways, named };
  }

  it("publishes targets from their own trades and through other markets, with the bytes of compute", async () => {
    store = openStore({ url: "memory:", key_prefix: "" }, { now: () => TO + seconds(5) });
    const { counts, ways, named } = await tick();
    // BTC/GBP has no route, since there is no rate to GBP.
    expect(counts).toMatchObject({ written: 8, empty: 2, error: 0 });
    expect(named("BTC/GBP")).toMatchObject({ outcome: "empty", value: null });
    expect(ways.map(({ pair, outcome }) => [formatPair(pair), outcome]).sort()).toEqual([
      ["crypto:XLM/fiat:EUR", "ok"],
      ["crypto:XLM/fiat:EUR", "ok"],
      ["crypto:XLM/fiat:JPY", "ok"],
      ["crypto:XLM/fiat:JPY", "ok"],
    ]);
    for (const { pair, windowSeconds } of targetsOf(pairs, [300, 3600])) {
      const key = vwapKey(pair, windowSeconds);
      const [text, marker] = await store.read([key, provenanceKey(key)]);
      const bucket = bucketEndingAt(TO, windowSeconds);
      const { value } = await withSnapshot(database, (reader) =>
        computePublished(reader, policy, pair, bucket, { maxTrades: 100 }),
      );
      expect(text).toBe(value && serializePublished(value));
      expect(marker).toBe(value?.provenance ?? null);
      const [withheld] = await store.read([withheldKey(pair, windowSeconds)]);
      expect(withheld && parseWithheld(withheld)).toEqual(
        value === null
          ? expect.objectContaining({ pair: formatPair(pair), to: formatTime(TO), reason: "empty", price: null })
          : null,
      );
    }
    expect(named("XLM/EUR")?.value).toMatchObject({ price: "0.4", provenance: "triangulated" });
    expect(named("XLM/JPY", 3600)?.value).toMatchObject({ price: "50", provenance: "triangulated" });
  });

  it("reports the time of the last trade before each bucket's end, and whether values are written", async () => {
    const registry = new Registry();
    const feed = feedPriceMetrics(registry);
    const gauge = async (name: string, labels = "") =>
      (await registry.metrics())
        .split("\n")
        .find((line) => line.startsWith(`stellarindex_aggregator_${name}${labels} `));
    const before = await tick(TO - seconds(300));
    expect(before.named("BTC/EUR")?.lastTrade).toBe(TO - seconds(500));
    expect(before.named("BTC/GBP")?.lastTrade).toBe(null);
    const { named } = await tick();
    expect(named("XLM/USD", 3600)?.lastTrade).toBe(TO - seconds(100));
    // The pair has no trades, so that the last trade of its leg's market counts.
    expect(named("XLM/EUR")).toMatchObject({ outcome: "written", lastTrade: TO - seconds(100) });
    expect(await gauge("target_values", '{state="fresh"}')).toMatch(/ 8$/);
    const hoursLater = await tick(TO + seconds(6 * 3600));
    feed.stop();
    // The loop works, and there is no price.
    expect(hoursLater.counts).toMatchObject({ written: 0, empty: 10, error: 0 });
    expect(await gauge("target_values", '{state="fresh"}')).toMatch(/ 0$/);
    expect(await gauge("target_values", '{state="lost"}')).toMatch(/ 8$/);
    expect(await gauge("newest_trade_timestamp_seconds")).toMatch(new RegExp(` ${(TO - seconds(100)) / 1_000_000n}$`));
  });

  it("removes the provenance marker once the pair's own trades determine the price", async () => {
    const key = vwapKey(pair("XLM/EUR"), 300);
    expect(await store.read([provenanceKey(key)])).toEqual(["triangulated"]);
    await writeTrades(database, [trade(pair("XLM/EUR"), TO + seconds(10), { base: "30000", quote: "12000" })]);
    const { named } = await tick(TO + seconds(30));
    expect(named("XLM/EUR")).toMatchObject({ outcome: "written", value: { price: "0.4", trade_count: 1 } });
    expect(await store.read([provenanceKey(key)])).toEqual([null]);
  });

  it("equals compute if a currency has an alias and its pegs count", async () => {
    const token = pair("USD-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN/XLM").base;
    const rules = makePolicy({
      ...DEFAULT_POLICY_SETTINGS,
      enable_stablecoin_fiat_proxy: true,
      aliases: new Map([[pair("USD/XLM").base, [token]]]),
    });
    const at = TO + seconds(7200);
    await writeTrades(database, [
      trade({ base: pair("ABC/USD").base, quote: token }, at - seconds(10), { base: "30000", quote: "12000" }),
      trade(pair("ABC/USDT"), at - seconds(10), { base: "30000", quote: "15000" }),
    ]);
    const targets = [{ base: pair("ABC/USD").base, quote: token }, pair("ABC/EUR")];
    store = openStore({ url: "memory:", key_prefix: "" }, { now: () => at + seconds(5) });
    const context = { ...contextOf(), policy: rules, targets: targetsOf(targets, [300]) };
    await runTick(context, at, new AbortController().signal);
    for (const target of targets) {
      const { value } = await withSnapshot(database, (reader) =>
        computePublished(reader, rules, target, bucketEndingAt(at, 300), { maxTrades: 100 }),
      );
      expect(value?.price).toBe(target.quote === token ? "0.45" : "0.36");
      expect(await store.read([vwapKey(target, 300)])).toEqual([value && serializePublished(value)]);
    }
  });

  it("routes through the native asset like compute, with and without an alias", async () => {
    const rules = makePolicy({ ...DEFAULT_POLICY_SETTINGS, aliases: new Map([["native" as Asset, []]]) });
    const native = "native" as Asset;
    const at = TO + seconds(14_400);
    await writeTrades(database, [
      trade({ base: native, quote: pair("LED/USD").base }, at - seconds(10), { base: "60000", quote: "30000" }),
      trade({ base: native, quote: pair("LED/USD").quote }, at - seconds(10), { base: "60000", quote: "60000" }),
    ]);
    const led = pair("LED/USD");
    const { value } = await withSnapshot(database, (reader) =>
      computePublished(reader, rules, led, bucketEndingAt(at, 300), { maxTrades: 100 }),
    );
    expect(value?.price).toBe("2");
    store = openStore({ url: "memory:", key_prefix: "" }, { now: () => at + seconds(5) });
    const targets = targetsOf([{ base: native, quote: led.quote }, led], [300]);
    await runTick({ ...contextOf(), policy: rules, targets }, at, new AbortController().signal);
    expect(await store.read([vwapKey(led, 300)])).toEqual([value && serializePublished(value)]);
  });

  it("treats a contract as its classic asset from the tick after the asset's first trade", async () => {
    const asset = parseAsset("TICK-GBNZILSTVQZ4R7IKQDGHYGY2QXL5QOFJYQMXPKWRRM5PAV7Y4M67AQUA");
    const contract = contractOf(asset, policy.aliases.network) as Asset;
    const target = { base: contract, quote: pair("XLM/USD").quote };
    const own = { base: asset, quote: target.quote };
    const through = { base: contract, quote: pair("XLM/EUR").quote };
    const at = TO + seconds(21_600);
    store = openStore({ url: "memory:", key_prefix: "" }, { now: () => at + seconds(65) });
    const published = async (to: Micros) => {
      await runTick({ ...contextOf(), targets: targetsOf([target, through], [300]) }, to, new AbortController().signal);
      const texts = await store.read([vwapKey(target, 300), vwapKey(through, 300)]);
      for (const [index, asked] of [target, through].entries()) {
        const { value } = await withSnapshot(database, (reader) =>
          computePublished(reader, policy, asked, bucketEndingAt(to, 300), { maxTrades: 100 }),
        );
        expect(texts[index]).toBe(value && serializePublished(value));
      }
      return texts.map((text) => JSON.parse(text ?? "null"));
    };
    await writeTrades(database, [
      trade(target, at - seconds(20), { base: "30000", quote: "30000" }),
      trade(pair("EUR/USD"), at - seconds(20), { source: "ecb", quote: "1.25" }),
    ]);
    expect(await published(at)).toMatchObject([
      { price: "1", trade_count: 1 },
      { price: "0.8", legs: [{ pair: `${contract}/fiat:USD` }, {}] },
    ]);
    await writeTrades(database, [trade(own, at + seconds(10), { base: "30000", quote: "36000" })]);
    expect(await published(at + seconds(30))).toMatchObject([
      { pair: `${contract}/fiat:USD`, price: "1.1", trade_count: 2 },
      { pair: `${contract}/fiat:EUR`, price: "0.88", legs: [{ pair: `${asset}/fiat:USD` }, {}] },
    ]);
    await deleteTrades(database, { pair: own, from: at, to: at + seconds(30) });
    expect(await published(at + seconds(60))).toMatchObject([
      { price: "1" },
      { price: "0.8", legs: [{ pair: `${contract}/fiat:USD` }, {}] },
    ]);
  });

  it("needs the same number of round trips for many targets as for few, on one snapshot", async () => {
    const statements: string[] = [];
    const sql = connectBeside(database, { max: 1, debug: (_, statement) => statements.push(statement) });
    const statementsFor = async (count: number): Promise<number> => {
      store = openStore({ url: "memory:", key_prefix: "" }, { now: () => TO + seconds(5) });
      const tickers = Array.from({ length: count }, (_, index) => pair(`MANY${index}/USD`));
      statements.length = 0;
      const context = { ...contextOf(), database: { ...database, sql }, concurrency: 100 };
      const { counts } = await runTick(
        { ...context, targets: targetsOf(tickers, [60, 300, 3600]) },
        TO,
        new AbortController().signal,
      );
      expect(counts).toMatchObject({ written: 3 * count, error: 0 });
      return statements.length;
    };
    await writeTrades(
      database,
      Array.from({ length: 600 }, (_, index) =>
        trade(pair(`MANY${index % 20}/USD`), TO - seconds(10 + Math.floor(index / 20)), {
          tradeId: `${index}`,
          base: index < 20 ? "0.001" : "30000",
          quote: index < 20 ? "500" : "15000",
        }),
      ),
    );
    // The first snapshot of a pool also reads the array types and, on TimescaleDB, which chunks were dropped.
    await withSnapshot({ ...database, sql }, async () => {});
    const few = await statementsFor(1);
    // The last trades, the totals, the minutes before the buckets with a vote, all of these minutes, and the outliers.
    expect(statements.filter((statement) => /FROM\s+trades|trades_1m/.test(statement))).toHaveLength(5);
    expect(await statementsFor(20)).toBe(few);
    await sql.end();
  });

  it("splits a batch that the database refuses down to the refused target", async () => {
    const bad = pair("BAD/USD");
    await writeTrades(database, [
      trade(bad, TO - seconds(90), { base: "20000", quote: "10000" }),
      trade(bad, TO - seconds(150), { base: "20000", quote: "10000", tradeId: "2" }),
    ]);
    // The sum of its minutes exceeds the range of numeric.
    await database.sql`
      UPDATE trades_1m SET price_square_sum = ('9' || repeat('0', 131071))::numeric WHERE base_asset = ${bad.base}`;
    const targets = targetsOf([...pairs.slice(0, 3), bad, pairs[3] ?? bad], [300]);
    store = openStore({ url: "memory:", key_prefix: "" }, { now: () => TO + seconds(5) });
    const outcomes = new Map<string, TargetEvent>();
    const stop = targetDone.subscribe((event) => outcomes.set(formatPair(event.pair), event));
    const { counts } = await runTick({ ...contextOf(), concurrency: 100, targets }, TO, new AbortController().signal);
    stop();
    expect(counts).toMatchObject({ written: 4, error: 1 });
    expect(outcomes.get(formatPair(bad))?.error?.message).toContain("overflow");
    expect(outcomes.get("crypto:XLM/fiat:JPY")?.value).toMatchObject({ price: "50", provenance: "triangulated" });
  });

  it("splits a batch whose statement times out down to the slow target", async () => {
    const slow = pair("SLOW/USD");
    await writeTrades(database, [
      trade(slow, TO - seconds(90), { base: "20000", quote: "10000" }),
      trade(slow, TO - seconds(150), { base: "20000", quote: "10000", tradeId: "2" }),
    ]);
    // A rollup whose read never ends.
    await database.sql.unsafe(`
      ALTER TABLE trades_1m RENAME TO trades_1m_stored;
      CREATE FUNCTION slowly(base text) RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN IF base = '${slow.base}' THEN PERFORM pg_sleep(600); END IF; RETURN true; END $$;
      CREATE VIEW trades_1m AS SELECT * FROM trades_1m_stored WHERE slowly(base_asset)`);
    const patient = await openDatabase({ url: database.url, max_connections: 1 }, { queryTimeoutSeconds: 1 });
    const targets = targetsOf([pair("XLM/USD"), slow, pair("BTC/EUR")], [300]);
    store = openStore({ url: "memory:", key_prefix: "" }, { now: () => TO + seconds(5) });
    const failed: TargetEvent[] = [];
    const stop = targetDone.subscribe((event) => {
      if (event.error !== null) failed.push(event);
    });
    const context = { ...contextOf(), database: patient, concurrency: 100, targets };
    const { counts } = await runTick(context, TO, new AbortController().signal);
    stop();
    await patient.close();
    await database.sql.unsafe("DROP VIEW trades_1m; ALTER TABLE trades_1m_stored RENAME TO trades_1m");
    expect(counts).toMatchObject({ written: 2, error: 1 });
    expect(failed.map(({ pair, error }) => [formatPair(pair), isTimedOut(error)])).toEqual([[formatPair(slow), true]]);
  });

  it("fails only the targets that need unreadable rows", async () => {
    // Retention may have removed the last rates, which are then unknown.
    await database.sql`
      UPDATE retention_horizons SET complete_from = ${new Date(Number((TO - seconds(3600)) / 1000n)).toISOString()}::timestamptz
      WHERE table_name = 'trades'`;
    store = openStore({ url: "memory:", key_prefix: "" }, { now: () => TO + seconds(5) });
    const { ways, named } = await tick();
    expect(named("XLM/USD")).toMatchObject({ outcome: "written" });
    expect(named("XLM/JPY")).toMatchObject({ outcome: "error", error: { name: "RawDataExpired" } });
    expect(ways.find(({ pair }) => formatPair(pair) === "crypto:XLM/fiat:JPY")).toMatchObject({ outcome: "error" });
  });
});
