import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALL_TARGETS } from "../../internal/aggregator/assignment.ts";
import { NO_REPLAY_WAIT } from "../../internal/aggregator/replay-wait.testing.ts";
import { targetsOf } from "../../internal/aggregator/target.ts";
import { runTick } from "../../internal/aggregator/tick.ts";
import { createApi } from "../../internal/api/v1/api.ts";
import { openStore } from "../../internal/cache/open-store.ts";
import { type Bucket, bucketEndingAt } from "../../internal/canonical/bucket.ts";
import { parseDecimal } from "../../internal/canonical/decimal.ts";
import { formatPair, type Pair, parsePair } from "../../internal/canonical/pair.ts";
import { floorTo, formatTime, type Micros, parseTime, seconds } from "../../internal/canonical/time.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { policySettings } from "../../internal/config/schema.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type Policy, type PolicySettings } from "../../internal/policy/policy.ts";
import { computePublished } from "../../internal/policy/published-value.ts";
import {
  openTestDatabase,
  type TestDatabase,
  testEngines,
} from "../../internal/storage/connection/database.testing.ts";
import { withSnapshot } from "../../internal/storage/windows/snapshot.ts";
import { apiOver, importRealRates, importRealTrades, REAL_DATA, readRealLines } from "../real-data.ts";

const SPIKE = parseTime("2026-02-22T00:10:21Z");
const HIGHEST_HONEST = 1.2;

const REAL = parsePair("USTRY/USDC");
/** The same market with amounts 10⁵ times as large, which pass the floor, so that other rules must stop them. */
const LARGE = parsePair("LARGEUSTRY/USDC");

/** The pair as decoders of the DEX write it. */
const ISSUED = parsePair(
  "USTRY-GCRYUGD5NVARGXT56XEZI5CIFCQETYHAPQQTHO2O3IQZTHDH4LATMYWC/USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",
);

/** Every API path that shows a price under the policy. */
const ASKED = ["vwap", "twap"]
  .flatMap((endpoint) => ["5m", "1h", "24h", "168h"].map((window) => `${endpoint}?window=${window}&`))
  .concat("price?");

/** Each has the floor of 10 000 USD and only the named rule. */
const DEFENCES = [
  defence("real-floor", REAL, {}),
  defence("floor", LARGE, {}),
  defence("sigma-4", LARGE, { outlier_sigma_threshold: 4 }),
  defence("sigma-3", LARGE, { outlier_sigma_threshold: 3 }),
  defence("mad-4", LARGE, { outlier_method: "mad", outlier_sigma_threshold: 4 }),
  // There is one venue: it never deviates from others, and its share is 1.
  defence("venues", LARGE, { venue_deviation_pct: 0.1, max_source_share: 0.1 }),
  defence("triangulation", LARGE, { triangulation_enabled: true }),
  defence("guard", LARGE, { guard_factor: 2 }),
  defence("defaults", LARGE, DEFAULT_POLICY_SETTINGS),
];

function defence(name: string, pair: Pair, settings: Partial<PolicySettings>) {
  const off = {
    ...DEFAULT_POLICY_SETTINGS,
    outlier_sigma_threshold: 0,
    outlier_max_dropped_share: 1,
    venue_deviation_pct: 0,
    guard_factor: 0,
    triangulation_enabled: false,
  };
  return { name, pair, policy: makePolicy({ ...off, ...settings }) };
}

function guards({ guardFactor }: Policy): boolean {
  return !guardFactor.isZero();
}

/** The replayed windows in seconds, the default ones and two that `/v1/vwap` answers, and the distance of bucket ends. */
const REPLAYED = [
  { window: "5m", length: 300, step: 300 },
  { window: "1h", length: 3600, step: 300 },
  { window: "24h", length: 86_400, step: 3600 },
  { window: "48h", length: 2 * 86_400, step: 900 },
  { window: "168h", length: 7 * 86_400, step: 3600 },
];

/**
 * What each rule alone publishes of the buckets with the spike; a line is valid until the next one. No filter can judge
 * less than three trades. One of n trades is at most √(n−1) standard deviations from their mean, so that it takes 18 to be
 * further than four and 11 to be further than three; for the median it takes three. The guard accepts values within its
 * factor. By default the print is not an outlier while it has more than half of the quote volume.
 */
const EXPECTED = `
window end       trades real-floor floor    sigma-4  sigma-3  mad-4    venues   triangulation guard  defaults
5m     22T00:15Z 2      -          106.7204 106.7204 106.7204 106.7204 106.7204 106.7204      -      -
1h     22T00:15Z 2      -          106.7204 106.7204 106.7204 106.7204 106.7204 106.7204      -      -
24h    22T01:00Z 2      -          106.7204 106.7204 106.7204 106.7204 106.7204 106.7204      -      -
48h    22T00:15Z 5      -          1.5296   1.5296   1.5296   1.0583   1.5296   1.5296        1.5296 1.5296
48h    22T17:15Z 3      -          37.7344  37.7344  37.7344  -        37.7344  37.7344       -      -
48h    22T18:45Z 2      -          106.7204 106.7204 106.7204 106.7204 106.7204 106.7204      -      -
48h    23T22:30Z 15     -          5.2000   5.2000   1.0580   1.0580   5.2000   5.2000        -      -
48h    23T22:45Z 28     -          3.3893   1.0580   1.0580   1.0580   3.3893   3.3893        -      -
168h   22T01:00Z 6      -          1.5295   1.5295   1.5295   1.0583   1.5295   1.5295        1.5295 1.5295
168h   23T23:00Z 32     -          1.4517   1.0582   1.0582   1.0582   1.4517   1.4517        1.4517 1.0582
168h   27T01:00Z 31     -          1.4518   1.0582   1.0582   1.0582   1.4518   1.4518        1.4518 1.0582
168h   27T18:00Z 29     -          3.2964   1.0580   1.0580   1.0580   3.2964   3.2964        -      -
168h   27T19:00Z 28     -          3.3893   1.0580   1.0580   1.0580   3.3893   3.3893        -      -
168h   28T23:00Z 41     -          2.9993   1.0582   1.0582   1.0582   2.9993   2.9993        -      -
168h   01T00:00Z 51     -          2.7963   1.0582   1.0582   1.0582   2.7963   2.7963        -      -
`;

const times = REAL_DATA === null ? [] : readTimes();

describe.skipIf(REAL_DATA === null).each(testEngines.slice(-1))("the USTRY/USDC manipulation on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await importRealTrades(database, "USTRY");
    await importRealTrades(database, "USTRY", (row) => ({ ...row, ...ISSUED }));
    const factor = parseDecimal("1e5");
    await importRealTrades(database, "USTRY", (row) => ({
      ...row,
      ...LARGE,
      baseAmount: row.baseAmount.times(factor),
      quoteAmount: row.quoteAmount.times(factor),
    }));
    await importRealRates(database, "2026-02");
  });
  afterAll(() => database?.drop());

  it.each([
    ["tickers", "crypto:USTRY/crypto:USDC"],
    ["issued assets", `${ISSUED.base}/${ISSUED.quote}`],
  ])("is never shown under the default configuration, as %s", async (_, name) => {
    const { config } = loadConfig({ env: { STELLARINDEX_AGGREGATE_PAIRS: name } });
    const { pairs, windows, interval_seconds, concurrency, max_trades_per_window } = config.aggregate;
    let now: Micros = 0n;
    const store = openStore({ url: "memory:", key_prefix: "" }, { now: () => now });
    const policy = makePolicy(policySettings(config));
    expect(policy.triangulation).toBe(true);
    const over = apiOver(database, policy);
    const api = createApi({ ...over, store, now: () => now, settings: { ...over.settings, pairs, windows } });
    const context = {
      database,
      store,
      policy,
      targets: targetsOf(pairs, windows),
      concurrency,
      maxTrades: max_trades_per_window,
      precomputeTwap: true,
      replayWait: NO_REPLAY_WAIT,
      assignment: ALL_TARGETS,
      namedSources: new Set<string>(),
      now: () => now,
      stopwatch: () => 0,
    };
    let asked = 0;
    for (const to of boundaries(interval_seconds)) {
      now = to + seconds(5);
      await runTick(context, to, new AbortController().signal);
      for (const path of ASKED) {
        const response = await api.request(`/v1/${path}pair=${name}`);
        const body = (await response.json()) as { data?: { price: string }; type?: string };
        asked++;
        if (response.status === 200) expect(Number(body.data?.price)).toBeLessThan(HIGHEST_HONEST);
        else expect(body.type).toMatch(/^urn:stellarindex:problem:price-(withheld|not-found)$/);
      }
    }
    expect(asked).toBeGreaterThan(300);
  });

  it("would have been published by each rule alone as listed, bucket by bucket", async () => {
    const lines = [["window", "end", "trades", ...DEFENCES.map(({ name }) => name)].join(" ")];
    // For the buckets without the spike: the number published, and the maximum of dropped trades in one of them.
    const defences = DEFENCES.map((defence) => ({ ...defence, published: 0, mostLost: 0 }));
    await withSnapshot(database, async (reader) => {
      for (const { window, bucket } of buckets()) {
        const hasSpike = bucket.from <= SPIKE && SPIKE < bucket.to;
        const prices: string[] = [];
        let trades = 0;
        for (const defence of defences) {
          const { pair, policy } = defence;
          const { value, own } = await computePublished(reader, policy, pair, bucket, { maxTrades: 100 });
          trades = own.counted;
          prices.push(value === null ? "-" : Number(value.price).toFixed(4));
          if (value === null) expect(own.refusal).toBe(hasSpike && guards(policy) ? "guarded" : "below-floor");
          if (hasSpike) continue;
          defence.mostLost = Math.max(defence.mostLost, own.dropped.outlier);
          if (value === null) continue;
          defence.published++;
          expect(Number(value.price)).toBeGreaterThan(1.05);
          expect(Number(value.price)).toBeLessThan(1.06);
        }
        if (hasSpike) lines.push([window, `${formatTime(bucket.to).slice(8, 16)}Z`, trades, ...prices].join(" "));
      }
    });
    expect(lines).toEqual(EXPECTED.trim().replace(/ +/g, " ").split("\n"));
    expect(defences.map(({ name, published, mostLost }) => [name, published, mostLost])).toEqual([
      ["real-floor", 0, 0],
      ["floor", 165, 0],
      ["sigma-4", 165, 0],
      ["sigma-3", 165, 1],
      // Honest prices are so close together that the median rule drops some.
      ["mad-4", 165, 19],
      ["venues", 165, 0],
      ["triangulation", 165, 0],
      ["guard", 165, 0],
      ["defaults", 165, 0],
    ]);
  });

  it("affects a triangulated price only if it is accepted as a leg", async () => {
    const bucket = bucketEndingAt(parseTime("2026-02-22T01:00:00Z"), 86_400);
    const inEuro = async (pair: Pair, settings: Partial<PolicySettings>) => {
      const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, enable_stablecoin_fiat_proxy: true, ...settings });
      const target = { ...pair, quote: parsePair("EUR/USD").base };
      const options = { maxTrades: 100 };
      return (await withSnapshot(database, (reader) => computePublished(reader, policy, target, bucket, options)))
        .value;
    };
    expect(await inEuro(REAL, { guard_factor: 0 })).toBe(null);
    // 106.7204 dollars, at 1.1767 dollars per euro.
    const value = await inEuro(LARGE, { guard_factor: 0 });
    expect(value?.legs?.map(({ pair, price }) => [pair, Number(price).toFixed(4)])).toEqual([
      [formatPair({ ...LARGE, quote: parsePair("USD/EUR").base }), "106.7204"],
      ["fiat:USD/fiat:EUR", "0.8498"],
    ]);
    expect(Number(value?.price).toFixed(4)).toBe("90.6947");
    // A withheld value is not used as a leg.
    expect(await inEuro(LARGE, {})).toBe(null);
  });
});

/** Returns every boundary around the spike, then every hour of the day in which the longest window contains it. */
function* boundaries(intervalSeconds: number): Generator<Micros> {
  const first = SPIKE - (SPIKE % seconds(intervalSeconds)) - seconds(60);
  for (let to = first; to < SPIKE + seconds(600); to += seconds(intervalSeconds)) yield to;
  for (let to = first; to < SPIKE + seconds(25 * 3600); to += seconds(3600)) yield to;
}

/** Returns the first bucket of every run of buckets with the same trades. */
function* buckets(): Generator<{ readonly window: string; readonly bucket: Bucket }> {
  for (const { window, length, step } of REPLAYED) {
    const changes = times.flatMap((time) => [time, time + seconds(length)]);
    const ends = new Set(changes.map((change) => floorTo(change, seconds(step)) + seconds(step)));
    for (const to of [...ends].sort((a, b) => (a < b ? -1 : 1))) {
      const bucket = bucketEndingAt(to, length);
      if (times.some((time) => bucket.from <= time && time < bucket.to)) yield { window, bucket };
    }
  }
}

function readTimes(): Micros[] {
  const [, ...rows] = readRealLines("trades/sdex_USTRY-USDC_202602_excerpt.csv.gz");
  return rows.map((row) => parseTime(row.split(",")[0] ?? ""));
}
