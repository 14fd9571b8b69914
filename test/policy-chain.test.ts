import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseDecimal } from "../internal/canonical/decimal.ts";
import { type Pair, parsePair } from "../internal/canonical/pair.ts";
import { parseTime, seconds } from "../internal/canonical/time.ts";
import type { TradeRow } from "../internal/canonical/trade.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type PolicySettings } from "../internal/policy/policy.ts";
import { pricingOf } from "../internal/policy/pricing.ts";
import { STAGES, type StageReport } from "../internal/policy/stages.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/connection/database.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";
import { enginesOf } from "./thoroughness.ts";

const FROM = parseTime("2026-04-01T12:00:00Z");
const BUCKET = { from: FROM, to: FROM + seconds(300) };

describe.each(enginesOf(testEngines))("the policy chain on $name", (engine) => {
  let database: TestDatabase;
  let count = 0;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database?.drop());

  async function market(
    quote: string,
    trades: readonly { source?: string; base?: string; quote: string; at?: bigint; as?: Pair }[],
  ): Promise<Pair> {
    count++;
    const pair = parsePair(`CHAIN${count}/${quote}`);
    await write(trades.map((trade, index) => ({ ...row(trade.as ?? pair, trade, index) })));
    return pair;
  }

  function row(
    pair: Pair,
    trade: { source?: string; base?: string; quote: string; at?: bigint },
    index: number,
  ): TradeRow {
    return {
      ...pair,
      ts: trade.at ?? FROM + seconds(index),
      source: trade.source ?? "kraken",
      tradeId: `${count}-${index}`,
      baseAmount: parseDecimal(trade.base ?? "1"),
      quoteAmount: parseDecimal(trade.quote),
    };
  }

  const write = (rows: readonly TradeRow[]) => writeTrades(database, rows);

  async function compute(pair: Pair, settings: Partial<PolicySettings>, maxTrades = 100) {
    const reports: StageReport[] = [];
    const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0, ...settings });
    const observe = (of: Pair, _: unknown, report: StageReport) => {
      if (of === pair) reports.push(report);
    };
    const computation = await withSnapshot(database, (reader) =>
      pricingOf(reader, policy, [pair], { maxTrades, observe }).own(pair, BUCKET),
    );
    return { ...computation, reports };
  }

  it("applies the class filter before the outlier filter, so that a feed cannot move the band", async () => {
    const honest = [100, 101, 99, 100, 101, 99].map((price) => ({ quote: String(price) }));
    const feed = [1_000, 1_000, 1_000, 1_000].map((price) => ({ quote: String(price), source: "coingecko" }));
    const pair = await market("USD", [...honest, { quote: "130" }, ...feed]);
    const { value, reports } = await compute(pair, { outlier_sigma_threshold: 2 });
    expect(value).toMatchObject({ price: "100", trade_count: 6, dropped: { class: 4, outlier: 1 } });
    expect(reports.map(({ stage, trades, dropped }) => [stage, trades, dropped])).toEqual([
      ["read", 11, 0],
      ["class", 7, 4],
      ["venue", 7, 0],
      ["outlier", 6, 1],
      ["floor", 6, 0],
      ["guard", 6, 0],
      ["vwap", 6, 0],
    ]);
    expect(reports[3]?.outliers?.map(({ price }) => price.toFixed())).toEqual(["130"]);
    // Without the class filter the feed's prices widen the band so far that the outlier is kept.
    const off = await compute(pair, { outlier_sigma_threshold: 2, disable_class_filter: true });
    expect(off.value).toMatchObject({ trade_count: 11, dropped: { class: 0, outlier: 0 } });
  });

  it("drops outliers before the volume floor, so that an outlier cannot lift a thin market over it", async () => {
    const pair = await market("USD", [...Array(8).fill({ quote: "100" }), { quote: "100000" }]);
    const settings = { outlier_sigma_threshold: 2, outlier_max_dropped_share: 1, min_usd_volume: 1_000 };
    expect(await compute(pair, settings)).toMatchObject({ value: null, refusal: "below-floor" });
    expect((await compute(pair, { ...settings, outlier_sigma_threshold: 0 })).value).toMatchObject({ trade_count: 9 });
  });

  it("distinguishes windows without trades and windows without remaining trades", async () => {
    const nothing = await market("USD", []);
    expect(await compute(nothing, {})).toMatchObject({ value: null, refusal: "empty" });
    const onlyFeeds = await market("USD", [{ quote: "100", source: "coingecko" }]);
    const { refusal, dropped, reports } = await compute(onlyFeeds, {});
    expect([refusal, dropped]).toEqual(["empty", { class: 1, outlier: 0 }]);
    expect(reports.map(({ stage }) => stage)).toEqual(["read", "class", "venue", "outlier"]);
  });

  it("names sources that are not in the registry", async () => {
    const pair = await market("USD", [{ quote: "1", source: "who-is-this" }, { quote: "1" }]);
    const { reports } = await compute(pair, {});
    expect(reports.find(({ stage }) => stage === "class")?.unknownSources).toEqual(["who-is-this"]);
  });

  it("counts pegged assets with the proxy on, without changing stored rows", async () => {
    const pair = await market("USD", [{ quote: "100" }]);
    const pegged = { base: pair.base, quote: parsePair("X/USDC").quote };
    await write([row(pegged, { quote: "98" }, 7)]);
    expect((await compute(pair, {})).value).toMatchObject({ price: "100", trade_count: 1 });
    expect((await compute(pair, { enable_stablecoin_fiat_proxy: true })).value).toMatchObject({
      price: "99",
      trade_count: 2,
    });
    expect((await compute(pegged, {})).value).toMatchObject({ price: "98", usd_volume: "98" });
  });

  it("converts other currencies at the last rate before the bucket's end, in either orientation", async () => {
    // Each test uses its own currencies, so that rates do not affect other tests.
    const currency = { pglite: "CHF", postgres: "SEK", timescaledb: "NOK" }[engine.name];
    const pair = await market(currency, [{ quote: "9000" }, { quote: "1000" }]);
    const unknown = await compute(pair, { min_usd_volume: 1, min_usd_volume_unknown: "publish" });
    expect(unknown).toMatchObject({ value: { usd_volume: null }, usdVolumeKnown: false });
    expect(await compute(pair, { min_usd_volume: 1 })).toMatchObject({ refusal: "unknown-usd-volume" });
    const rate = { base: parsePair(`${currency}/BTC`).base, quote: parsePair("BTC/USD").quote };
    await write([
      row(rate, { quote: "1.1", source: "massive", at: BUCKET.to - seconds(7 * 24 * 3600) }, 100),
      row(rate, { quote: "5", source: "kraken", at: BUCKET.to }, 101),
      row(rate, { quote: "6", source: "massive", at: BUCKET.to + 1n }, 102),
    ]);
    expect((await compute(pair, {})).value).toMatchObject({ usd_volume: "11000" });
    await write([row({ base: rate.quote, quote: rate.base }, { quote: "0.8", source: "ecb", at: BUCKET.to }, 103)]);
    expect((await compute(pair, {})).value).toMatchObject({ usd_volume: "12500" });
    expect(await compute(pair, { min_usd_volume: 12_500 })).toMatchObject({ refusal: null });
    expect(await compute(pair, { min_usd_volume: 12_500.01 })).toMatchObject({ refusal: "below-floor" });
  });

  it("masking: a cluster of wrong prices increases sigma until none is dropped, but not MAD", async () => {
    // The example of docs/robustness.md.
    const honest = [99.8, 99.9, 100, 100.1, 100.2].flatMap((price) => Array(5).fill({ quote: String(price) }));
    const pair = await market("USD", [...honest, ...Array(5).fill({ quote: "150" })]);
    const bySigma = await compute(pair, {});
    expect(bySigma.value).toMatchObject({ price: "108.333333333333333", dropped: { outlier: 0 } });
    const byMad = await compute(pair, { outlier_method: "mad" });
    expect(byMad.value).toMatchObject({ price: "100", trade_count: 25, dropped: { outlier: 5 } });
    expect(byMad.reports.find(({ stage }) => stage === "outlier")?.outliers).toHaveLength(5);
    // There are more than may be read into the process: the database decides.
    const inDatabase = await compute(pair, { outlier_method: "mad" }, 4);
    expect(inDatabase.value).toEqual(byMad.value);
  });

  it("keeps the honest prices of a pegged pair by MAD, although more than half are equal", async () => {
    const pegged = [...Array(20).fill({ quote: "1" }), { quote: "0.9995" }, { quote: "1.003" }, { quote: "1.3" }];
    const { value } = await compute(await market("USD", pegged), { outlier_method: "mad" });
    expect(value).toMatchObject({ trade_count: 22, dropped: { outlier: 1 }, quote_volume: "22.0025" });
  });

  it("wash trading on one venue moves the price unless the venue rule or the cap is on", async () => {
    const washed = Array.from({ length: 20 }, () => ({ source: "sdex", base: "100", quote: "13000" }));
    const honest = ["kraken", "coinbase", "bitstamp"].map((source) => ({ source, base: "10", quote: "1000" }));
    const pair = await market("USD", [...honest, ...washed]);
    const open = { venue_deviation_pct: 0 };
    const withoutRules = await compute(pair, open);
    expect(Number(withoutRules.value?.price)).toBeGreaterThan(129);
    expect(withoutRules.value?.dropped).toEqual({ class: 0, outlier: 0 });

    const filtered = await compute(pair, {});
    expect(filtered.value).toMatchObject({ price: "100", dropped: { class: 0, outlier: 0, venue: 20 } });
    expect(filtered.value?.sources.map(({ source }) => source)).toEqual(["bitstamp", "coinbase", "kraken"]);
    expect(filtered.reports.map(({ stage, trades, dropped }) => [stage, trades, dropped]).slice(2, 4)).toEqual([
      ["venue", 3, 20],
      ["outlier", 3, 0],
    ]);

    // Each has a quarter of the price: 4 / (3 / 100 + 1 / 130).
    const capped = await compute(pair, { ...open, max_source_share: 0.25 });
    expect(capped.value?.price).toBe("106.122448979591837");
    const distrusted = await compute(pair, { ...open, sources: [{ name: "sdex", weight: 1 }] });
    expect(Number(distrusted.value?.price)).toBeLessThan(Number(withoutRules.value?.price) - 5);
    // The cap changes neither volumes nor the volume that is compared with the floor.
    for (const { value } of [capped, distrusted]) {
      expect(value).toMatchObject({ quote_volume: "263000", usd_volume: "263000", trade_count: 23 });
    }
  });

  it("applies the venue rule before the floor, so that a dropped venue does not lift a market over it", async () => {
    const odd = { source: "sdex", base: "100", quote: "20000" };
    const honest = ["kraken", "coinbase"].map((source) => ({ source, base: "1", quote: "100" }));
    const pair = await market("USD", [...honest, odd]);
    const rules = { min_usd_volume: 1_000 };
    expect((await compute(pair, { ...rules, venue_deviation_pct: 0 })).value).not.toBe(null);
    expect(await compute(pair, rules)).toMatchObject({ refusal: "below-floor" });
  });

  it("applies the venue rule before the outlier filter, so that many trades of one venue do not decide the band", async () => {
    const flood = Array.from({ length: 100 }, () => ({ source: "sdex", base: "0.01", quote: "0.5" }));
    const honest = ["kraken", "coinbase", "bitstamp"].map((source) => ({ source, base: "10", quote: "1000" }));
    const pair = await market("USD", [...flood, ...honest]);
    const by = { outlier_max_dropped_share: 1 };
    const { value } = await compute(pair, by);
    expect(value).toMatchObject({ price: "100", dropped: { class: 0, outlier: 0, venue: 100 } });
    // In the reverse order the honest venues would be outliers among the many trades.
    expect((await compute(pair, { ...by, venue_deviation_pct: 0 })).value).toMatchObject({
      price: "50",
      dropped: { outlier: 3 },
    });
  });

  it("does not drop a venue for one wrong price", async () => {
    const calm = (source: string) => Array.from({ length: 20 }, () => ({ source, quote: "100" }));
    const print = { source: "sdex", quote: "1500" };
    const pair = await market("USD", [...["kraken", "coinbase", "sdex"].flatMap(calm), print]);
    const { value } = await compute(pair, {});
    expect(value).toMatchObject({ price: "100", trade_count: 60, dropped: { class: 0, outlier: 1 } });
    expect(value?.dropped).not.toHaveProperty("venue");
  });

  it("weights the outlier filter by quote volume if the filter by count would drop most of it", async () => {
    const big = Array(20).fill({ base: "50000", quote: "5000" });
    const dust = Array(400).fill({ base: "0.0001", quote: "0.0001" });
    const trades = [...big, ...dust].map((trade, index) => ({ ...trade, at: FROM + BigInt(index) }));
    const pair = await market("USD", trades);
    const { value } = await compute(pair, {}, 1000);
    expect(value).toMatchObject({ price: "0.1", trade_count: 20, dropped: { class: 0, outlier: 400 } });
    const byCount = await compute(pair, { outlier_max_dropped_share: 1 }, 1000);
    expect(byCount.value).toMatchObject({ price: "1", trade_count: 400, dropped: { outlier: 20 } });
  });

  it("requires min_sources after the filters", async () => {
    const calm = ["kraken", "coinbase"].flatMap((source) =>
      Array.from({ length: 20 }, () => ({ source, quote: "100" })),
    );
    const pair = await market("USD", [...calm, { source: "sdex", quote: "1" }]);
    const { refusal, value, reports } = await compute(pair, { min_sources: 3 });
    expect([refusal, value]).toEqual(["too-few-sources", null]);
    expect(reports.map(({ stage }) => stage)).toEqual(["read", "class", "venue", "outlier", "sources"]);
    const two = await compute(pair, { min_sources: 2 });
    expect(two.value).toMatchObject({ price: "100", trade_count: 40, dropped: { venue: 1 } });
    expect(two.reports.map(({ stage }) => stage)).toEqual(STAGES);
  });

  it("checks min_sources before the floor, and the floor before the guard", async () => {
    const before = { quote: "10", at: BUCKET.from - seconds(2 * 3600) };
    const pair = await market("USD", [before, { quote: "100" }]);
    const all = { min_sources: 2, min_usd_volume: 101 };
    expect(await compute(pair, all)).toMatchObject({ refusal: "too-few-sources" });
    expect(await compute(pair, { ...all, min_sources: 1 })).toMatchObject({ refusal: "below-floor" });
    expect(await compute(pair, { min_usd_volume: 100 })).toMatchObject({ refusal: "guarded" });
    expect((await compute(pair, { guard_factor: 0 })).value).toMatchObject({ price: "100" });
    expect((await compute(pair, { guard_factor: 10 })).value).toMatchObject({ price: "100" });
  });

  it("drops an asset that trades away from its peg if that is known", async () => {
    const pair = await market("USD", [{ quote: "100" }]);
    // The test uses its own stablecoin, so that its market does not affect other tests.
    const coin = parsePair(`COIN${count}/USD`);
    const settings = { enable_stablecoin_fiat_proxy: true, pegs: new Map([[coin.base, coin.quote]]) };
    const own = row(coin, { base: "1000", quote: "900" }, 8);
    await write([row({ base: pair.base, quote: coin.base }, { base: "10", quote: "1100" }, 7)]);
    const unbroken = { price: "109.090909090909091", trade_count: 2, dropped: { class: 0, outlier: 0 } };
    expect((await compute(pair, settings)).value).toMatchObject(unbroken);
    await write([own]);
    const depegged = await compute(pair, settings);
    expect(depegged.value).toMatchObject({ price: "100", trade_count: 1 });
    expect(depegged.value?.dropped).toEqual({ class: 0, outlier: 0, peg: 1 });
    expect(depegged.reports[0]).toEqual({ stage: "read", trades: 1, dropped: 1 });
    for (const peg_tolerance_pct of [10, 0]) {
      expect((await compute(pair, { ...settings, peg_tolerance_pct })).value).toMatchObject(unbroken);
    }
    // A market below the floor does not decide about the peg.
    expect((await compute(pair, { ...settings, min_usd_volume: 900 })).refusal).toBe("below-floor");
    expect((await compute(pair, { ...settings, min_usd_volume: 901 })).value).toMatchObject(unbroken);
  });

  it("counts a trade if from <= ts < to", async () => {
    const pair = await market("USD", [
      { quote: "1", at: BUCKET.from - 1n },
      { quote: "2", at: BUCKET.from },
      { quote: "4", at: BUCKET.to - 1n },
      { quote: "8", at: BUCKET.to },
    ]);
    expect((await compute(pair, { guard_factor: 0 })).value).toMatchObject({ trade_count: 2, quote_volume: "6" });
  });
});
