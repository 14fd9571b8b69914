import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApi } from "../internal/api/v1/api.testing.ts";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { type Pair, parsePair } from "../internal/canonical/pair.ts";
import { formatTime, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import type { TradeRow } from "../internal/canonical/trade.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type PolicySettings } from "../internal/policy/policy.ts";
import { computePublished } from "../internal/policy/published-value.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/connection/database.testing.ts";
import { trade } from "../internal/storage/trades/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";
import { importRealTrades, REAL_DATA } from "./real-data.ts";

const NOON = parseTime("2016-04-01T12:00:00Z");
const MINUTE = 60;
const HOUR = 3600;
const DAY = 24 * HOUR;
const STROOP = "0.0000001";

const USTRY = "USTRY-GCRYUGD5NVARGXT56XEZI5CIFCQETYHAPQQTHO2O3IQZTHDH4LATMYWC";
const CIRCLE_USDC = "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const NATIVE_CONTRACT = "CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMA";

/** A trade, or `times` of them, `every` seconds apart. */
interface Trades {
  readonly pair: string;
  readonly base: string;
  readonly quote: string;
  /** Seconds after noon. */
  readonly at?: number;
  readonly times?: number;
  readonly every?: number;
  readonly source?: string;
}

describe.each(testEngines.slice(-1))("attacks on a price under the default settings on $name", (engine) => {
  let database: TestDatabase;
  let worlds = 0;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database?.drop());

  /** Writes trades forty days after those of any other test. Times are in seconds after noon. */
  async function world(...all: readonly Trades[]) {
    worlds++;
    const noon = NOON + seconds(worlds * 40 * DAY);
    const moment = (offset: number): Micros => noon + BigInt(Math.round(offset * 1e6));
    const rows = all.flatMap(({ pair, at = 0, times = 1, every = 0, ...amounts }, group): TradeRow[] => {
      const parsed = parsePair(pair);
      return Array.from({ length: times }, (_, index) =>
        trade(parsed, moment(at + index * every), { ...amounts, tradeId: `${group}-${index}` }),
      );
    });
    await writeTrades(database, rows);

    const published = (pair: string, windowSeconds: number, to: number, settings: Partial<PolicySettings> = {}) => {
      const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, ...settings });
      const bucket = bucketEndingAt(moment(to), windowSeconds);
      return withSnapshot(database, (reader) =>
        computePublished(reader, policy, parsePair(pair), bucket, { maxTrades: 10_000 }),
      );
    };
    /** Queries the API when the bucket that ends at `to` has just closed. */
    const get = async (path: string, to: number, settings: Partial<PolicySettings> = {}) => {
      const policy = { min_usd_volume: DEFAULT_POLICY_SETTINGS.min_usd_volume, ...settings };
      const api = openTestApi({ database, policy });
      api.at(moment(to + 5));
      const { status, body } = await api.get(`/v1/${path}`);
      return { status, ...body };
    };
    return { published, get, time: (offset: number) => formatTime(moment(offset)) };
  }

  const withheld = { status: 404, type: "urn:stellarindex:problem:price-withheld" };

  describe("a market whose quote has no exchange rate to USD", () => {
    it.skipIf(REAL_DATA === null)(
      "is valued by the price of its quote: the real manipulation, as written by SDEX",
      async () => {
        const issued: Pair = parsePair(`${USTRY}/${CIRCLE_USDC}`);
        await importRealTrades(database, "USTRY", (row) => ({ ...row, ...issued }));
        const bucket = bucketEndingAt(parseTime("2026-02-22T01:00:00Z"), HOUR);
        const own = async (settings: Partial<PolicySettings>) => {
          const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, ...settings });
          return withSnapshot(database, async (reader) => {
            const { value, own } = await computePublished(reader, policy, issued, bucket, { maxTrades: 100 });
            return { price: value?.price.slice(0, 8) ?? null, refusal: own.refusal, known: own.usdVolumeKnown };
          });
        };
        expect(await own({})).toEqual({ price: null, refusal: "below-floor", known: true });
        // Without the floor the guard withholds it, and without both the manipulated price is published.
        expect(await own({ min_usd_volume: 0 })).toMatchObject({ price: null, refusal: "guarded" });
        expect(await own({ min_usd_volume: 0, guard_factor: 0 })).toMatchObject({ price: "106.7204" });
      },
    );

    it("is valued by the price of its quote in the same bucket", async () => {
      const scam = `SCAM-${USTRY.split("-")[1]}/native`;
      const cheap = await world(
        { pair: "XLM/USD", base: "100000", quote: "28000" },
        { pair: scam, base: "1000", quote: "1" },
      );
      const { own, value } = await cheap.published(scam, 5 * MINUTE, 5 * MINUTE);
      expect([value, own.refusal]).toEqual([null, "below-floor"]);
      expect(await cheap.get(`vwap?pair=${scam}&window=5m`, 5 * MINUTE)).toMatchObject(withheld);

      const dear = await world(
        { pair: "XLM/USD", base: "100000", quote: "28000" },
        { pair: scam, base: "100", quote: "50000" },
      );
      expect((await dear.published(scam, 5 * MINUTE, 5 * MINUTE)).value).toMatchObject({
        price: "500",
        usd_volume: "14000",
      });
    });

    it("is valued by the triangulated price of its quote", async () => {
      const scam = `SCAM-${USTRY.split("-")[1]}/native`;
      const { published } = await world(
        { pair: "XLM/EUR", base: "100000", quote: "25000" },
        { pair: "EUR/USD", base: "1", quote: "1.2", source: "ecb", at: -DAY },
        { pair: scam, base: "100", quote: "50000" },
      );
      expect((await published(scam, 5 * MINUTE, 5 * MINUTE)).value).toMatchObject({
        price: "500",
        usd_volume: "15000",
      });
    });

    it("is not published if its quote has no price or one below the floor", async () => {
      const scam = `SCAM-${USTRY.split("-")[1]}/native`;
      const trades = { pair: scam, base: "100", quote: "50000" };
      const unknown = await world(trades);
      expect((await unknown.published(scam, 5 * MINUTE, 5 * MINUTE)).own.refusal).toBe("unknown-usd-volume");
      const staged = await world(trades, { pair: "XLM/USD", base: "10", quote: "9999.99" });
      expect((await staged.published(scam, 5 * MINUTE, 5 * MINUTE)).own.refusal).toBe("unknown-usd-volume");
      const published = await staged.published(scam, 5 * MINUTE, 5 * MINUTE, { min_usd_volume_unknown: "publish" });
      expect(published.value).toMatchObject({ price: "500", usd_volume: null });
    });
  });

  describe("trades too small to form a price", () => {
    it("do not affect a TWAP of 30 s", async () => {
      const { get } = await world(
        { pair: "DUST1/USD", base: "20000", quote: "2000", times: 10, every: 0.5 },
        { pair: "DUST1/USD", base: STROOP, quote: STROOP, at: 5, source: "sdex" },
      );
      const path = "twap?pair=DUST1/USD&window=30s";
      expect(await get(path, 30)).toMatchObject({ status: 200, data: { price: "0.1", trade_count: 10 } });
      expect((await get(`${path}&filter=none`, 30)).data.price).toBe("0.85");
    });

    it("do not affect a TWAP of 1 h", async () => {
      const { get } = await world(
        { pair: "DUST2/USD", base: "20000", quote: "2000", times: 10, every: 6 * MINUTE },
        { pair: "DUST2/USD", base: STROOP, quote: STROOP, at: 12 * MINUTE - 32, source: "sdex" },
      );
      const path = "twap?pair=DUST2/USD&window=1h";
      expect((await get(path, HOUR)).data).toMatchObject({ price: "0.1", trade_count: 10 });
      expect((await get(`${path}&filter=none`, HOUR)).data.price).toBe("0.108");
    });

    it("are never the last trade", async () => {
      const { get, time } = await world(
        { pair: "LAST/USD", base: "10000", quote: "1000", times: 60, every: 10 },
        { pair: "LAST/USD", base: STROOP, quote: STROOP, at: 20 * MINUTE, times: 6, every: 1, source: "sdex" },
      );
      expect(await get("price?pair=LAST/USD", HOUR)).toMatchObject({
        status: 200,
        data: { price: "0.1", price_type: "last_trade", as_of: time(590) },
        flags: { stale: true },
      });
    });
  });

  it("a last trade far from the longest window's price is skipped for the one before", async () => {
    const { get, time } = await world(
      { pair: "FAR/USD", base: "10000", quote: "1000", times: 10, every: 10 },
      { pair: "FAR/USD", base: "1000", quote: "210", at: 20 * MINUTE },
      { pair: "FAR/USD", base: "100", quote: "19", at: 10 * MINUTE },
    );
    expect((await get("price?pair=FAR/USD", HOUR)).data).toMatchObject({ price: "0.19", as_of: time(10 * MINUTE) });
    expect((await get("price?pair=FAR/USD", HOUR, { guard_factor: 0 })).data).toMatchObject({
      price: "0.21",
      as_of: time(20 * MINUTE),
    });
  });

  describe.each([
    [30, "30s"],
    [5 * MINUTE, "5m"],
    [HOUR, "1h"],
  ])("a bucket of %i s at a hundred times the price of the ten before it", (length, window) => {
    const pair = `JUMP${length}/USD`;
    const calm = { pair, base: "1000", quote: "20000", times: 10, every: length };
    const jump = { pair, base: "10", quote: "20000", at: 10 * length };
    const end = 11 * length;

    it("is withheld, and so is its TWAP", async () => {
      const { published, get } = await world(calm, jump);
      const { value, own, triangulation } = await published(pair, length, end);
      expect([value, own.refusal, triangulation]).toEqual([null, "guarded", null]);
      for (const endpoint of ["vwap", "twap"]) {
        const answer = await get(`${endpoint}?pair=${pair}&window=${window}`, end);
        expect(answer).toMatchObject({ ...withheld, detail: expect.stringContaining("guard_factor (2)") });
      }
      expect((await published(pair, length, end, { guard_factor: 0 })).value?.price).toBe("2000");
      // The ten buckets before it are published.
      expect((await published(pair, length, 10 * length)).value?.price).toBe("20");
    });

    it("is published if two venues confirm it", async () => {
      const confirmed = { ...jump, pair: `C${pair}`, at: 10 * length + 1, source: "coinbase" };
      const market = [calm, jump].map((trades) => ({ ...trades, pair: `C${pair}` }));
      const { published, get } = await world(...market, confirmed);
      expect((await published(`C${pair}`, length, end)).value).toMatchObject({ price: "2000", trade_count: 2 });
      expect((await get(`twap?pair=C${pair}&window=${window}`, end)).data.price).toBe("2000");
      // Two of three venues are not enough if three are required.
      expect((await published(`C${pair}`, length, end, { guard_confirmations: 3 })).own.refusal).toBe("guarded");
    });

    it("is not confirmed by a venue with little volume", async () => {
      const little = { ...jump, base: "4.9", quote: "9800", at: 10 * length + 1, source: "coinbase" };
      const market = [calm, jump, little].map((trades) => ({ ...trades, pair: `L${pair}` }));
      const { published } = await world(...market);
      expect((await published(`L${pair}`, length, end)).own.refusal).toBe("guarded");
    });
  });

  it("a lasting price level is published, although only one venue trades at it", async () => {
    const { published } = await world(
      { pair: "LEVEL/USD", base: "1000", quote: "20000", times: 10, every: HOUR },
      { pair: "LEVEL/USD", base: "1000", quote: "60000", at: 10 * HOUR, times: 4, every: HOUR },
    );
    const prices = [];
    for (const hour of [10, 11, 12, 13, 14]) {
      const { value, own } = await published("LEVEL/USD", HOUR, hour * HOUR);
      prices.push(value?.price ?? own.refusal);
    }
    // Three hours of five decide the median.
    expect(prices).toEqual(["20", "guarded", "guarded", "guarded", "60"]);
  });

  describe("while the guard withholds a price", () => {
    const calm = (pair: string): Trades => ({ pair, base: "1000", quote: "20000", times: 10, every: 5 * MINUTE });
    const jump = (pair: string): Trades => ({ pair, base: "1000", quote: "2000000", at: 50 * MINUTE + 1 });

    it("the latest earlier value is held", async () => {
      const { get, time } = await world(calm("HELD/USD"), jump("HELD/USD"));
      expect(await get("price?pair=HELD/USD", 51 * MINUTE)).toMatchObject({
        status: 200,
        data: {
          pair: "crypto:HELD/fiat:USD",
          price: "20",
          price_type: "held",
          as_of: time(50 * MINUTE),
          window_seconds: 300,
          reason: "guarded",
        },
        flags: { stale: true, frozen: true },
      });
    });

    it("it is held for guard_hold_seconds", async () => {
      const { get } = await world(calm("HOLD/USD"), jump("HOLD/USD"));
      const at = 50 * MINUTE + 75;
      const held = await get("price?pair=HOLD/USD", at, { guard_hold_seconds: 75 });
      expect(held.data).toMatchObject({ price: "20", price_type: "held" });
      expect(await get("price?pair=HOLD/USD", at, { guard_hold_seconds: 74 })).toMatchObject(withheld);
      expect(await get("price?pair=HOLD/USD", at, { guard_hold_seconds: 0 })).toMatchObject(withheld);
    });
  });

  it("one wrong market of three routes does not determine the price", async () => {
    const { published } = await world(
      { pair: "A1/X1", base: "100000", quote: "30000" },
      { pair: "X1/USD", base: "30000", quote: "60000" },
      { pair: "A1/Y1", base: "100000", quote: "60000" },
      { pair: "Y1/USD", base: "60000", quote: "60000" },
      { pair: "A1/Z1", base: "100000", quote: "300000" },
      { pair: "Z1/USD", base: "300000", quote: "600000" },
    );
    expect((await published("A1/USD", 5 * MINUTE, 5 * MINUTE)).value).toMatchObject({
      price: "0.6",
      provenance: "triangulated",
    });
    expect((await published("A1/USD", 5 * MINUTE, 5 * MINUTE, { route_deviation_pct: 0 })).value?.price).toBe("6");
  });

  it("a stablecoin that has lost its peg does not count as a dollar", async () => {
    const { published } = await world(
      { pair: "B1/USD", base: "100000", quote: "90000" },
      { pair: "B1/USDT", base: "100000", quote: "100000", times: 3, every: 1 },
      { pair: "USDT/USD", base: "100000", quote: "90000" },
    );
    const proxy = { enable_stablecoin_fiat_proxy: true };
    const { value } = await published("B1/USD", 5 * MINUTE, 5 * MINUTE, proxy);
    expect(value).toMatchObject({ price: "0.9", trade_count: 1 });
    expect(value?.dropped).toEqual({ class: 0, outlier: 0, peg: 3 });
    const believed = await published("B1/USD", 5 * MINUTE, 5 * MINUTE, { ...proxy, peg_tolerance_pct: 10 });
    expect(believed.value).toMatchObject({ price: "0.975", trade_count: 4, dropped: { class: 0, outlier: 0 } });
  });

  it("single prices of a market without a recent price are limited by the bucket's own price", async () => {
    const pair = "NEW/USD";
    const { get } = await world(
      { pair, base: "50000", quote: "5000", times: 6, every: 50 },
      // Dust trades that are precise enough to form a price, and too few to be outliers.
      { pair, base: "0.02", quote: "0.1", at: 5, times: 4, every: 70 },
    );
    const [window, interval] = [`pair=${pair}&window=5m`, `pair=${pair}&interval=5m&limit=1`];
    const shown = async (settings: Partial<PolicySettings> = {}, filter = "") => {
      const twap = await get(`twap?${window}${filter}`, 5 * MINUTE, settings);
      const { data } = await get(`ohlc?${interval}${filter}`, 5 * MINUTE, settings);
      const { open, high, low, close, trade_count } = data.candles[0];
      return [Number(twap.data.price), open, high, low, close, trade_count];
    };
    expect(await shown()).toEqual([0.1, "0.1", "0.1", "0.1", "0.1", 10]);
    // The four dust prices last for 110 of the 300 seconds.
    const raw = [(0.1 * 190 + 5 * 110) / 300, "0.1", "5", "0.1", "0.1", 10];
    const close = raw.map((value) => (typeof value === "number" ? expect.closeTo(value, 9) : value));
    expect(await shown({ guard_factor: 0 })).toEqual(close);
    expect(await shown({}, "&filter=none")).toEqual(close);
    const { data } = await get(`vwap?${window}`, 5 * MINUTE);
    expect(data).toMatchObject({ trade_count: 10, price: "0.100001306666318222" });
  });

  describe("the TWAP of a window with few trades", () => {
    const trades = (pair: string, before: number): Trades[] => [
      { pair, base: "20000", quote: "20000", at: -before },
      { pair, base: "20000", quote: "30000", at: HOUR - MINUTE },
    ];
    const path = (pair: string) => `twap?pair=${pair}&window=1h`;

    it("begins with the last price before it", async () => {
      const { get } = await world(...trades("QUIET1/USD", HOUR));
      // The price is 1 for 3 540 s, and 1.5 for 60 s.
      expect((await get(path("QUIET1/USD"), HOUR)).data).toMatchObject({
        price: "1.00833333333333333",
        trade_count: 1,
      });
      expect((await get(path("QUIET1/USD"), HOUR, { twap_carry_seconds: HOUR - 1 })).data.price).toBe("1.5");
      expect((await get(`${path("QUIET1/USD")}&filter=none`, HOUR)).data.price).toBe("1.5");
    });

    it("does not begin with a price that is too old", async () => {
      const { get } = await world(...trades("QUIET2/USD", HOUR + 1));
      expect((await get(path("QUIET2/USD"), HOUR)).data.price).toBe("1.5");
    });

    it("does not begin with the price of a dust trade or of a source that does not count", async () => {
      const { get } = await world(
        ...trades("QUIET3/USD", 10 * MINUTE),
        { pair: "QUIET3/USD", base: STROOP, quote: "0.0000015", at: -5 * MINUTE, source: "sdex" },
        { pair: "QUIET3/USD", base: "1000", quote: "1900", at: -4 * MINUTE, source: "coingecko" },
      );
      expect((await get(path("QUIET3/USD"), HOUR)).data.price).toBe("1.00833333333333333");
    });
  });

  describe("the identity of pairs", () => {
    it("an inverted market gives a price", async () => {
      const { published, get } = await world(
        { pair: "A2/B2", base: "10000", quote: "40000" },
        { pair: "B2/USD", base: "40000", quote: "80000" },
      );
      const { value } = await published("B2/A2", 5 * MINUTE, 5 * MINUTE);
      expect(value).toMatchObject({ price: "0.25", provenance: "triangulated" });
      expect(value?.legs).toMatchObject([{ pair: "crypto:B2/crypto:A2", price: "0.25", inverted: true }]);
      expect((await published("USD/B2", 5 * MINUTE, 5 * MINUTE)).value?.price).toBe("0.5");
      expect(await get("vwap?pair=B2/A2&window=5m", 5 * MINUTE)).toMatchObject({
        data: { price: "0.25" },
        flags: { triangulated: true },
      });
    });

    it("the contract of the native asset is an alias of it", async () => {
      const { published } = await world({ pair: `${NATIVE_CONTRACT}/USD`, base: "100000", quote: "28000" });
      const { value } = await published("XLM/USD", 5 * MINUTE, 5 * MINUTE);
      expect(value).toMatchObject({ pair: "crypto:XLM/fiat:USD", price: "0.28" });
    });
  });

  describe("the outlier filter", () => {
    const methods = ["sigma", "mad"] as const;

    it.each(methods)("does not drop a market because of many dust trades, by %s", async (outlier_method) => {
      const pair = `CROWD${outlier_method}/USD`;
      const { published } = await world(
        { pair, base: "50000", quote: "5000", times: 20, every: 1 },
        { pair, base: STROOP, quote: STROOP, times: 400, every: 0.5, source: "sdex", at: 1 },
      );
      const { value } = await published(pair, 5 * MINUTE, 5 * MINUTE, { outlier_method });
      expect(value).toMatchObject({ price: "0.1", trade_count: 20, dropped: { class: 0, outlier: 400 } });
      const byCount = { outlier_method, outlier_max_dropped_share: 1, min_usd_volume: 0 };
      expect((await published(pair, 5 * MINUTE, 5 * MINUTE, byCount)).value?.price).toBe("1");
    });

    const venues = ["binance", "coinbase", "kraken"];
    const honest = (pair: string): Trades[] =>
      venues.map((source) => ({ pair, base: "7857.1428571", quote: "2200", times: 20, every: 10, source }));
    const flood = (pair: string): Trades => ({
      pair,
      base: "0.0001",
      quote: "0.000014",
      times: 20_000,
      every: 0.01,
      source: "sdex",
    });
    const wash = (pair: string): Trades => ({ ...flood(pair), base: "78571", quote: "10999.94", times: 1, at: 250 });
    const HONEST = /^0\.2800000000\d*$/;

    it.each([
      ["many small trades", "FLOOD/USD", [flood("FLOOD/USD")]],
      ["many small trades with wash trades", "WASH/USD", [flood("WASH/USD"), wash("WASH/USD")]],
    ])("does not treat %s from one source as the market", async (_, pair, attack) => {
      const { published } = await world(...honest(pair), ...attack);
      for (const settings of [{}, { outlier_method: "mad" as const }, { max_source_share: 0.4 }]) {
        const { value } = await published(pair, 5 * MINUTE, 5 * MINUTE, settings);
        expect(value?.price).toMatch(HONEST);
        expect(value).toMatchObject({ trade_count: 60, dropped: { venue: 20_000 + attack.length - 1, outlier: 0 } });
      }
      // Without the venue rule, the larger volume decides.
      const open = await published(pair, 5 * MINUTE, 5 * MINUTE, { venue_deviation_pct: 0 });
      expect(Number(open.value?.price)).toBeGreaterThan(0.25);
      const asBefore = { venue_deviation_pct: 0, outlier_max_dropped_share: 1 };
      const before = await published(pair, 5 * MINUTE, 5 * MINUTE, { ...asBefore, min_usd_volume: 0 });
      expect(Number(before.value?.price)).toBeLessThan(0.15);
    });

    it("drops a venue that has base and quote swapped", async () => {
      const { published } = await world(
        { pair: "ETH/USD", base: "5", quote: "10000", source: "binance" },
        { pair: "ETH/USD", base: "5", quote: "10000", source: "kraken" },
        { pair: "ETH/USD", base: "10000", quote: "5", source: "coinbase" },
      );
      const { value } = await published("ETH/USD", 5 * MINUTE, 5 * MINUTE);
      expect(value).toMatchObject({ price: "2000", trade_count: 2, dropped: { class: 0, outlier: 0, venue: 1 } });
      const off = await published("ETH/USD", 5 * MINUTE, 5 * MINUTE, { venue_deviation_pct: 0 });
      expect(off.value?.price).toMatch(/^1\.99/);
    });

    it("gives venues with only dust trades no vote", async () => {
      const honest = { pair: "XLM/USD", base: "60000", quote: "6000", times: 10, every: 29 };
      const dust = { pair: "XLM/USD", base: "0.02", quote: "0.0038", times: 5, every: 29 };
      const { published } = await world(
        { ...honest, source: "kraken" },
        { ...honest, source: "coinbase" },
        { ...honest, source: "sdex", base: "20000", quote: "3800", times: 5 },
        { ...dust, source: "bitstamp" },
        { ...dust, source: "binance" },
      );
      const { value } = await published("XLM/USD", 5 * MINUTE, 5 * MINUTE);
      expect(value).toMatchObject({ price: "0.1", trade_count: 20, dropped: { venue: 15 } });

      const one = await world(
        { ...honest, source: "kraken" },
        { pair: "XLM/USD", base: "0.02", quote: "0.003", source: "bitstamp" },
        { pair: "XLM/USD", base: "0.02", quote: "0.003", source: "binance" },
      );
      const { value: alone } = await one.published("XLM/USD", 5 * MINUTE, 5 * MINUTE);
      expect(alone).toMatchObject({ price: "0.1", trade_count: 10, dropped: { venue: 2 } });
      // With a hundredth of the floor each, two venues outvote the third.
      const { value: outvoted, own } = await (
        await world(
          { ...honest, source: "kraken" },
          { pair: "XLM/USD", base: "1000", quote: "150", source: "bitstamp" },
          { pair: "XLM/USD", base: "1000", quote: "150", source: "binance" },
        )
      ).published("XLM/USD", 5 * MINUTE, 5 * MINUTE);
      expect([outvoted, own.refusal, own.dropped.venue]).toEqual([null, "below-floor", 10]);
    });

    it("ignores hours with only dust trades in a market that rarely trades", async () => {
      const pair = "XLM/USD";
      const honest = { pair, base: "200000", quote: "20000", source: "kraken" };
      const dust = { pair, base: "0.02", quote: "0.02", source: "sdex", every: 1800 };
      const { published, get } = await world(
        { ...honest, at: -3 * DAY, times: 3, every: DAY },
        { ...dust, at: -12 * HOUR, times: 24 },
        { ...honest, at: 10 },
        { pair, base: "20000", quote: "20000", source: "kraken", at: 2 * HOUR },
      );
      expect((await published(pair, 5 * MINUTE, 5 * MINUTE)).value).toMatchObject({ price: "0.1" });
      const washed = await published(pair, 5 * MINUTE, 2 * HOUR + 5 * MINUTE);
      expect([washed.value, washed.own.refusal]).toEqual([null, "guarded"]);
      // Candles show neither.
      const { data } = await get(`ohlc?pair=${pair}&interval=1h&limit=100`, 3 * HOUR);
      const shown = data.candles.map(({ high, low }: { high: string; low: string }) => `${low} ${high}`);
      expect(new Set(shown)).toEqual(new Set(["0.1 0.1"]));
    });

    it("uses the hours of a market that always has little volume", async () => {
      const pair = "XLM/USD";
      const small = { pair, base: "50", quote: "5", source: "sdex", times: 40, every: 1800, at: -20 * HOUR };
      const { published } = await world(small, { pair, base: "20000", quote: "20000", source: "sdex" });
      const { value, own } = await published(pair, 5 * MINUTE, 5 * MINUTE);
      expect([value, own.refusal]).toEqual([null, "guarded"]);
    });

    it("uses prices from before one of two venues swapped base and quote, however old", async () => {
      const every = { pair: "ETH/USD", every: 600 };
      const { published } = await world(
        { ...every, base: "5", quote: "10000", source: "kraken", times: 72 },
        { ...every, base: "5", quote: "10000", source: "binance", times: 18 },
        { ...every, base: "10000", quote: "5", source: "binance", at: 3 * HOUR, times: 54 },
      );
      // In nine hours the two venues never agreed.
      const { value, own } = await published("ETH/USD", HOUR, 12 * HOUR);
      expect([value, own.refusal, own.recent?.numerator]).toEqual([null, "guarded", expect.anything()]);
      expect((await published("ETH/USD", HOUR, 3 * HOUR)).value).toMatchObject({ price: "2000" });
    });
  });
});
