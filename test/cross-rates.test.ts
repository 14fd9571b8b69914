import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALL_TARGETS } from "../internal/aggregator/assignment.ts";
import { NO_REPLAY_WAIT } from "../internal/aggregator/replay-wait.testing.ts";
import { targetsOf } from "../internal/aggregator/target.ts";
import { runTick } from "../internal/aggregator/tick.ts";
import { createApi } from "../internal/api/v1/api.ts";
import { vwapKey } from "../internal/cache/keys.ts";
import { openStore } from "../internal/cache/open-store.ts";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { formatPair, parsePair } from "../internal/canonical/pair.ts";
import { serializePublished } from "../internal/canonical/published.ts";
import { type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import { load } from "../internal/config/config.testing.ts";
import { policySettings } from "../internal/config/schema.ts";
import { makePolicy, type Policy } from "../internal/policy/policy.ts";
import { computePublished } from "../internal/policy/published-value.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/connection/database.testing.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";
import { type ModelTrade, modelValue, significant } from "./model.ts";
import { apiOver, importRealRates, importRealTrades, REAL_DATA, readRealLines } from "./real-data.ts";

const isHere = REAL_DATA !== null;
const WINDOWS = [300, 3600, 14_400, 86_400];
const MOMENTS = ["00:10", "18:35", "23:55"].map((time) => parseTime(`2013-01-01T${time}:00Z`));
const TARGETS = targetsOf([parsePair("BTC/EUR"), parsePair("BTC/GBP")], WINDOWS);

const SETTINGS = `
[aggregate]
pairs = ["BTC/EUR", "BTC/GBP"]
min_usd_volume = 500
[[sources]]
name = "mtgox"
class = "exchange"
`;
const CHAINS = `
[[aggregate.triangulations]]
target = "BTC/EUR"
legs = ["BTC/USD", "EUR/USD"]
[[aggregate.triangulations]]
target = "BTC/GBP"
legs = ["BTC/USD", "USD/EUR", "EUR/GBP"]
`;

type Ratio = readonly [bigint, bigint];

const SCALE = 10n ** 30n;
const trades: readonly ModelTrade[] = isHere ? readTrades() : [];
const usdPerEuro: Ratio = isHere ? rateOf("USD") : [1n, 1n];
const gbpPerEuro: Ratio = isHere ? rateOf("GBP") : [1n, 1n];

describe.skipIf(!isHere).each(testEngines.slice(-1))("cross rates of real trades on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await importRealTrades(database, "mtgox");
    // The rates of 2 January are later than every bucket here, and must not be used.
    await importRealRates(database, "2012-12", "2013-01-02");
  });
  afterAll(() => database?.drop());

  /** Returns the texts that a tick stores, in the order of the targets; null where it stores none. */
  async function tick(policy: Policy, to: Micros): Promise<(string | null)[]> {
    const store = openStore({ url: "memory:", key_prefix: "" });
    const context = {
      database,
      store,
      policy,
      targets: TARGETS,
      concurrency: 4,
      maxTrades: 10_000,
      precomputeTwap: false,
      replayWait: NO_REPLAY_WAIT,
    };
    const event = await runTick(
      { ...context, assignment: ALL_TARGETS, namedSources: new Set(), now: () => to, stopwatch: () => 0 },
      to,
      new AbortController().signal,
    );
    expect(event.counts.error).toBe(0);
    return store.read(TARGETS.map(({ pair, windowSeconds }) => vwapKey(pair, windowSeconds)));
  }

  function compute(policy: Policy, to: Micros): Promise<(string | null)[]> {
    return withSnapshot(database, async (reader) => {
      const texts: (string | null)[] = [];
      for (const { pair, windowSeconds } of TARGETS) {
        const bucket = bucketEndingAt(to, windowSeconds);
        const { value } = await computePublished(reader, policy, pair, bucket, { maxTrades: 10_000 });
        texts.push(value && serializePublished(value));
      }
      return texts;
    });
  }

  async function ask(policy: Policy, to: Micros): Promise<string[]> {
    const api = createApi({ ...apiOver(database, policy), now: () => to + seconds(5) });
    const at = new Date(Number(to / 1000n)).toISOString();
    const answers: string[] = [];
    for (const { pair, windowSeconds } of TARGETS) {
      const response = await api.request(`/v1/vwap?pair=${formatPair(pair)}&window=${windowSeconds}s&at=${at}`);
      answers.push(response.ok ? await response.text() : String(response.status));
    }
    return answers;
  }

  // No trade of the day is more than four standard deviations from the mean of any of these windows; some are more than two.
  it.each([
    { k: 4, hasOutliers: false },
    { k: 2, hasOutliers: true },
  ])("equal exact values, rounded once, with σ threshold $k", async ({ k, hasOutliers }) => {
    const settings = SETTINGS.replace("[aggregate]", `[aggregate]\noutlier_sigma_threshold = ${k}`);
    const chained = makePolicy(policySettings(load(settings + CHAINS).config));
    const routed = makePolicy(policySettings(load(settings).config));
    expect(chained.id).not.toBe(routed.id);
    let outliers = 0;
    let withheld = 0;
    for (const to of MOMENTS) {
      const legs = WINDOWS.map((windowSeconds) => dollarLeg(to, windowSeconds, BigInt(k)));
      outliers += legs.filter((leg) => leg !== null && leg.dropped > 0).length;
      withheld += legs.filter((leg) => leg === null).length;
      for (const policy of [chained, routed]) {
        const expected = TARGETS.map(({ pair, windowSeconds }) => {
          const leg = legs[WINDOWS.indexOf(windowSeconds)] ?? null;
          return leg && crossRate(formatPair(pair), leg, policy.id);
        });
        expect(await compute(policy, to)).toEqual(expected);
        expect(await tick(policy, to)).toEqual(expected);
        expect(await ask(policy, to)).toEqual(
          expected.map((text) =>
            text === null
              ? "404"
              : `{"data":${text},"flags":{"stale":false,"triangulated":true,"divergence_warning":false}}`,
          ),
        );
      }
    }
    expect([outliers > 0, withheld]).toEqual([hasOutliers, 2]);
  });

  it("use the rates of the day before: 1.3194 dollars and 0.8161 pounds per euro", async () => {
    const policy = makePolicy(policySettings(load(SETTINGS).config));
    const [last = null] = (await compute(policy, parseTime("2013-01-02T00:00:00Z"))).slice(-1);
    expect(JSON.parse(last ?? "")).toMatchObject({
      pair: "crypto:BTC/fiat:GBP",
      window_seconds: 86_400,
      legs: [
        { pair: "crypto:BTC/fiat:USD" },
        { pair: "fiat:USD/fiat:EUR", price: "0.757920266787933909", as_of: "2012-12-31T15:00:00Z" },
        { pair: "fiat:EUR/fiat:GBP", price: "0.8161", as_of: "2012-12-31T15:00:00Z" },
      ],
    });
  });
});

interface DollarLeg {
  readonly window: { readonly window_seconds: number; readonly from: string; readonly to: string };
  /** The exact price in dollars per bitcoin. */
  readonly price: Ratio;
  readonly published: { readonly price: string; readonly usd_volume: string; readonly trade_count: number };
  readonly dropped: number;
}

/** Computes BTC/USD by definition; null without trades or below the floor. */
function dollarLeg(to: Micros, windowSeconds: number, k: bigint): DollarLeg | null {
  const text = modelValue(trades, {
    pair: "crypto:BTC/fiat:USD",
    from: to - seconds(windowSeconds),
    to,
    counted: null,
    k: [k, 1n],
    usdRate: [1n, 1n],
    minUsd: 500n,
    refuseUnknown: false,
    policy: "",
  });
  if (text === "empty" || text === "below-floor") return null;
  const { window_seconds, from, price, usd_volume, trade_count, ...value } = JSON.parse(text);
  return {
    window: { window_seconds, from, to: value.to },
    price: [units(value.quote_volume), units(value.base_volume)],
    published: { price, usd_volume, trade_count },
    dropped: value.dropped.outlier,
  };
}

/** Returns the line that is published for a pair: the product of the unrounded legs, rounded once. */
function crossRate(pair: string, { window, price, published }: DollarLeg, policy: string): string {
  const isPounds = pair.endsWith("GBP");
  const [euros, dollars] = usdPerEuro;
  const [pounds, toEuro] = isPounds ? gbpPerEuro : [1n, 1n];
  const fx = { method: "fx", source: "ecb", as_of: "2012-12-31T15:00:00Z" };
  const legs = [
    { pair: "crypto:BTC/fiat:USD", price: published.price, inverted: false, method: "vwap" },
    { pair: "fiat:USD/fiat:EUR", price: significant(dollars, euros, 18), inverted: true, ...fx },
    { pair: "fiat:EUR/fiat:GBP", price: significant(pounds, toEuro, 18), inverted: false, ...fx },
  ];
  const { usd_volume, trade_count } = published;
  return JSON.stringify({
    pair,
    ...window,
    price: significant(price[0] * dollars * pounds, price[1] * euros * toEuro, 18),
    base_volume: "0",
    quote_volume: "0",
    usd_volume: "0",
    trade_count: 0,
    sources: [],
    dropped: { class: 0, outlier: 0 },
    policy,
    provenance: "triangulated",
    legs: [{ ...legs[0], usd_volume, trade_count }, ...legs.slice(1, isPounds ? 3 : 2)],
  });
}

function readTrades(): ModelTrade[] {
  return readRealLines("trades/mtgox_BTC-USD_20130101.csv.gz")
    .slice(1)
    .map((line) => {
      const [ts = "", source = "", , , price = "", size = ""] = line.split(",");
      const base = units(size);
      return { ts: parseTime(ts), source, base, quote: (units(price) * base) / SCALE };
    });
}

/** The last rate of a currency before 2013, per euro. */
function rateOf(currency: string): Ratio {
  const row = readRealLines("fx/ecb_eurofxref_2011-2026.csv.gz").findLast(
    (line) => line < "2013" && line.includes(`,EUR,${currency},`),
  );
  return [units(row?.split(",")[3] ?? ""), SCALE];
}

/** A decimal in 10⁻³⁰. */
function units(text: string): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(30, "0"));
}
