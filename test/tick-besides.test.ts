import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ALL_TARGETS } from "../internal/aggregator/assignment.ts";
import { NO_REPLAY_WAIT } from "../internal/aggregator/replay-wait.testing.ts";
import { type Target, targetsOf } from "../internal/aggregator/target.ts";
import { runTick } from "../internal/aggregator/tick.ts";
import { openTestApi } from "../internal/api/v1/api.testing.ts";
import { parseConfidence } from "../internal/cache/confidence.ts";
import { confidenceKey, twapKey, vwapKey } from "../internal/cache/keys.ts";
import { openStore } from "../internal/cache/open-store.ts";
import type { PriceStore } from "../internal/cache/store.ts";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { formatPair, type Pair, parsePair } from "../internal/canonical/pair.ts";
import { formatTime, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import { serializeConfidence } from "../internal/policy/confidence.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../internal/policy/policy.ts";
import { pricingOf } from "../internal/policy/pricing.ts";
import { publishedBy } from "../internal/policy/published-value.ts";
import { confidenceOfPublished } from "../internal/policy/value-confidence.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/connection/database.testing.ts";
import { trade } from "../internal/storage/trades/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";

const TO = parseTime("2026-05-01T12:00:00Z");
const WINDOWS = [300, 3600];
const [XLM, EURO, THIN, JUMPY] = ["XLM/USD", "XLM/EUR", "THIN/USD", "JUMPY/USD"].map(parsePair) as [
  Pair,
  Pair,
  Pair,
  Pair,
];

describe.each(testEngines.slice(-1))("in addition to values, a tick on $name", (engine) => {
  let database: TestDatabase;
  let store: PriceStore;
  let now: Micros;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await writeTrades(database, [
      trade(parsePair("EUR/USD"), TO - seconds(90_000), { source: "ecb", quote: "1.25" }),
      // Trades before the windows, at their start, and in them, from two venues.
      trade(XLM, TO - seconds(4000), { base: "20000", quote: "9000" }),
      trade(XLM, TO - seconds(2000), { base: "20000", quote: "10000" }),
      trade(XLM, TO - seconds(250), { base: "20000", quote: "10200", source: "coinbase" }),
      trade(XLM, TO - seconds(100), { base: "30000", quote: "15600" }),
      trade(THIN, TO - seconds(100), { quote: "2" }),
      trade(JUMPY, TO - seconds(4000), { base: "20000", quote: "20000" }),
      trade(JUMPY, TO - seconds(100), { base: "20000", quote: "90000" }),
    ]);
  });
  afterAll(() => database?.drop());
  beforeEach(() => {
    now = TO + seconds(6);
    store = openStore({ url: "memory:", key_prefix: "" }, { now: () => now });
    return () => store.close();
  });

  const policy = makePolicy(DEFAULT_POLICY_SETTINGS);

  async function tick(details: { precomputeTwap?: boolean; targets?: Target[] } = {}) {
    const context = {
      database,
      store,
      policy,
      targets: targetsOf([XLM, EURO, THIN, JUMPY], WINDOWS),
      concurrency: 10,
      maxTrades: 100,
      precomputeTwap: false,
      replayWait: NO_REPLAY_WAIT,
      assignment: ALL_TARGETS,
      namedSources: new Set<string>(),
      now: () => now,
      stopwatch: () => 0,
      ...details,
    };
    const { counts } = await runTick(context, TO, new AbortController().signal);
    return counts;
  }

  const texts = (key: typeof vwapKey, pair: Pair) =>
    store.read(WINDOWS.map((windowSeconds) => key(pair, windowSeconds)));

  it("counts a pair whose inverted market is withheld as withheld", async () => {
    const inverted = { base: JUMPY.quote, quote: JUMPY.base };
    const nothing = parsePair("NOTHING/USD");
    const counts = await tick({ targets: targetsOf([inverted, nothing], WINDOWS) });
    expect(counts).toMatchObject({ written: 0, guarded: 2, empty: 2, error: 0 });
  });

  it("writes the confidence of each value, with the same TTL", async () => {
    expect(await tick()).toMatchObject({ written: 4, "below-floor": 2, guarded: 2, error: 0 });
    for (const pair of [XLM, EURO]) {
      for (const windowSeconds of WINDOWS) {
        const bucket = bucketEndingAt(TO, windowSeconds);
        const computed = await withSnapshot(database, async (reader) => {
          const pricing = pricingOf(reader, policy, [pair], { maxTrades: 100 });
          return confidenceOfPublished(policy, pricing, pair, bucket, await publishedBy(pricing, pair, bucket));
        });
        const keys = [vwapKey(pair, windowSeconds), confidenceKey(pair, windowSeconds)];
        const [value, confidence] = await store.readWithTtl(keys);
        expect(confidence?.text).toBe(computed && serializeConfidence(computed));
        expect(parseConfidence(confidence?.text ?? "")).toMatchObject({ pair: formatPair(pair), to: formatTime(TO) });
        expect([value?.remainingMs, confidence?.remainingMs]).toEqual([windowSeconds * 1000, windowSeconds * 1000]);
      }
    }
    const [ofOwn, ofWay] = await store.read([confidenceKey(XLM, 300), confidenceKey(EURO, 300)]);
    expect(parseConfidence(ofOwn ?? "")).not.toHaveProperty("weakest_leg");
    expect(parseConfidence(ofOwn ?? "").factors).toMatchObject({
      venues: { measured: "2" },
      usd_volume: { measured: "25800.00" },
      age: { measured: "100.000000" },
    });
    // The route leads through this market only, and no other leg lowers its confidence.
    expect(parseConfidence(ofWay ?? "")).toMatchObject({
      weakest_leg: "crypto:XLM/fiat:USD",
      confidence: parseConfidence(ofOwn ?? "").confidence,
    });
    for (const pair of [THIN, JUMPY]) expect(await texts(confidenceKey, pair)).toEqual([null, null]);

    now += seconds(300);
    expect((await texts(confidenceKey, XLM)).map((text) => text === null)).toEqual([true, false]);
    expect((await texts(vwapKey, XLM)).map((text) => text === null)).toEqual([true, false]);
  });

  it("writes TWAPs if precompute_twap is on, with the bytes of the API", async () => {
    await tick();
    expect(await texts(twapKey, XLM)).toEqual([null, null]);
    expect(await tick({ precomputeTwap: true })).toMatchObject({ written: 4, error: 0 });
    const api = openTestApi({ database, policy: DEFAULT_POLICY_SETTINGS });
    api.at(now);
    expect(api.policy.id).toBe(policy.id);
    const written = await texts(twapKey, XLM);
    for (const [index, windowSeconds] of WINDOWS.entries()) {
      const { text } = await api.get(`/v1/twap?pair=XLM/USD&window=${windowSeconds}s`);
      expect(text.startsWith(`{"data":${written[index]},"flags":`)).toBe(true);
    }
    // The price 0.5 is carried into the short window for 50 s, then 0.51 lasts for 150 s and 0.52 for 100 s.
    expect(JSON.parse(written[0] ?? "")).toMatchObject({ price: "0.511666666666666667", trade_count: 2 });
    // Values that are triangulated or withheld have none.
    for (const pair of [EURO, THIN, JUMPY]) expect(await texts(twapKey, pair)).toEqual([null, null]);
    now += seconds(300);
    expect((await texts(twapKey, XLM)).map((text) => text === null)).toEqual([true, false]);
  });

  it("writes the value of a target although retention has removed the trades of its TWAP", async () => {
    await database.sql`
      UPDATE retention_horizons SET complete_from = '2026-05-01 11:57:00Z' WHERE table_name = 'trades'`;
    try {
      const counts = await tick({ precomputeTwap: true });
      // Routes through exchange rates fail, since the rates are no longer known.
      expect(counts).toMatchObject({ written: 2, guarded: 2, error: 4 });
      expect((await texts(vwapKey, XLM)).map((text) => JSON.parse(text ?? "").price)).toEqual([
        "0.516",
        "0.511428571428571429",
      ]);
      expect(await texts(twapKey, XLM)).toEqual([null, null]);
      expect((await texts(confidenceKey, XLM)).every((text) => text !== null)).toBe(true);
    } finally {
      await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
    }
  });
});
