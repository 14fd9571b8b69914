import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serializeConfidence } from "../internal/aggregate/confidence.ts";
import { CLOSING } from "../internal/aggregate/orchestrator/closing.testing.ts";
import { EVERYTHING } from "../internal/aggregate/orchestrator/replicas.ts";
import { type Target, targetsOf } from "../internal/aggregate/orchestrator/target.ts";
import { runTick } from "../internal/aggregate/orchestrator/tick.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../internal/aggregate/policy.ts";
import { pricingOf } from "../internal/aggregate/pricing.ts";
import { publishedBy } from "../internal/aggregate/published-value.ts";
import { confidenceOfPublished } from "../internal/aggregate/value-confidence.ts";
import { openTestApi } from "../internal/api/v1/api.testing.ts";
import { parseConfidence } from "../internal/cache/confidence.ts";
import { confidenceKey, twapKey, vwapKey } from "../internal/cache/keys.ts";
import { openStore, type PriceStore } from "../internal/cache/store.ts";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { formatPair, type Pair, parsePair } from "../internal/canonical/pair.ts";
import { formatTime, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/database.testing.ts";
import { withSnapshot } from "../internal/storage/snapshot.ts";
import { trade } from "../internal/storage/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades.ts";

const TO = parseTime("2026-05-01T12:00:00Z");
const WINDOWS = [300, 3600];
const [XLM, EURO, THIN, JUMPY] = ["XLM/USD", "XLM/EUR", "THIN/USD", "JUMPY/USD"].map(parsePair) as [
  Pair,
  Pair,
  Pair,
  Pair,
];

describe.each(testEngines.slice(-1))("beside its values, a tick on $name", (engine) => {
  let database: TestDatabase;
  let store: PriceStore;
  let now: Micros;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await writeTrades(database, [
      trade(parsePair("EUR/USD"), TO - seconds(90_000), { source: "ecb", quote: "1.25" }),
      // Before the windows, at their start, and in them, from two venues.
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
      closing: CLOSING,
      share: EVERYTHING,
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

  it("counts a market that is withheld as such where it is looked for the other way round", async () => {
    const inverted = { base: JUMPY.quote, quote: JUMPY.base };
    const nothing = parsePair("NOTHING/USD");
    const counts = await tick({ targets: targetsOf([inverted, nothing], WINDOWS) });
    expect(counts).toMatchObject({ written: 0, guarded: 2, empty: 2, error: 0 });
  });

  it("writes how far they can be relied on, to live as long as they do", async () => {
    expect(await tick()).toMatchObject({ written: 4, "below-floor": 2, guarded: 2, error: 0 });
    for (const pair of [XLM, EURO]) {
      for (const windowSeconds of WINDOWS) {
        const bucket = bucketEndingAt(TO, windowSeconds);
        const computed = await withSnapshot(database, async (reader) => {
          const pricing = pricingOf(reader, policy, [pair], { maxTrades: 100 });
          return confidenceOfPublished(policy, pricing, pair, bucket, await publishedBy(pricing, pair, bucket));
        });
        const keys = [vwapKey(pair, windowSeconds), confidenceKey(pair, windowSeconds)];
        const [value, confidence] = await store.readHeld(keys);
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
    // The way leads through the one market, and no other makes its price less reliable.
    expect(parseConfidence(ofWay ?? "")).toMatchObject({
      weakest_leg: "crypto:XLM/fiat:USD",
      confidence: parseConfidence(ofOwn ?? "").confidence,
    });
    for (const pair of [THIN, JUMPY]) expect(await texts(confidenceKey, pair)).toEqual([null, null]);

    now += seconds(300);
    expect((await texts(confidenceKey, XLM)).map((text) => text === null)).toEqual([true, false]);
    expect((await texts(vwapKey, XLM)).map((text) => text === null)).toEqual([true, false]);
  });

  it("writes time-weighted prices where it is told to: the bytes that the API answers with", async () => {
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
    // 0.5 is carried into the short window for 50 s, then 0.51 stands for 150 s and 0.52 for 100 s.
    expect(JSON.parse(written[0] ?? "")).toMatchObject({ price: "0.511666666666666667", trade_count: 2 });
    // What does not come from the pair's own trades, or is withheld, has none.
    for (const pair of [EURO, THIN, JUMPY]) expect(await texts(twapKey, pair)).toEqual([null, null]);
    now += seconds(300);
    expect((await texts(twapKey, XLM)).map((text) => text === null)).toEqual([true, false]);
  });

  it("writes the value of a target though retention has removed the trades of its time-weighted price", async () => {
    await database.sql`
      UPDATE retention_horizons SET complete_from = '2026-05-01 11:57:00Z' WHERE table_name = 'trades'`;
    try {
      const counts = await tick({ precomputeTwap: true });
      // Ways through exchange rates fail: what these were is not known any more.
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
