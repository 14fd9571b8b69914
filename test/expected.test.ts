import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApi } from "../internal/api/v1/api.ts";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { parseDuration } from "../internal/canonical/duration.ts";
import { parsePair } from "../internal/canonical/pair.ts";
import type { PublishedValue } from "../internal/canonical/published.ts";
import { parseTime, seconds } from "../internal/canonical/time.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type Policy, type PolicySettings } from "../internal/policy/policy.ts";
import { computePublished } from "../internal/policy/published-value.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/connection/database.testing.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";
import { apiOver, importRealTrades, REAL_DATA } from "./real-data.ts";
import { enginesOf } from "./thoroughness.ts";

const SOURCES = ["bitstamp", "bybit", "coinbase", "gemini", "mtgox", "sdex"];

interface ExpectedCase {
  readonly pair: string;
  readonly window: string;
  readonly at: string;
  readonly stablecoin_proxy: boolean;
  readonly sigma: number;
  readonly include: readonly string[];
  readonly expect: Omit<PublishedValue, "pair" | "window_seconds" | "from" | "to" | "policy"> | null;
}

const isHere = REAL_DATA !== null;
const cases: ExpectedCase[] = isHere ? JSON.parse(readFileSync(`${REAL_DATA}/expected.json`, "utf8")) : [];

describe.skipIf(!isHere).each(enginesOf(testEngines))("values of real trades on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await importRealTrades(database);
  });
  afterAll(() => database?.drop());

  const policyOf = (expected: ExpectedCase, more: Partial<PolicySettings>) =>
    makePolicy({
      ...DEFAULT_POLICY_SETTINGS,
      outlier_sigma_threshold: expected.sigma,
      enable_stablecoin_fiat_proxy: expected.stablecoin_proxy,
      sources: SOURCES.map((name) => ({
        name,
        class: "exchange" as const,
        include_in_vwap: expected.include.includes(name),
      })),
      ...more,
    });
  const compute = async (expected: ExpectedCase, policy: Policy): Promise<PublishedValue | null> => {
    const bucket = bucketEndingAt(parseTime(expected.at), Number(parseDuration(expected.window) / 1_000_000n));
    const { value } = await withSnapshot(database, (reader) =>
      computePublished(reader, policy, parsePair(expected.pair), bucket, { maxTrades: 10_000 }),
    );
    return value;
  };

  it("are the same under the defaults if the floor does not withhold them", async () => {
    const counts = { same: 0, empty: 0, belowTheFloor: 0 };
    for (const expected of cases) {
      const value = await compute(expected, policyOf(expected, {}));
      if (value !== null) {
        expect(figuresOf(value)).toEqual(expected.expect);
        counts.same += 1;
      } else if (expected.expect === null) counts.empty += 1;
      else {
        expect(Number(expected.expect.usd_volume)).toBeLessThan(DEFAULT_POLICY_SETTINGS.min_usd_volume);
        counts.belowTheFloor += 1;
      }
    }
    expect(counts).toEqual({ same: 10, empty: 1, belowTheFloor: 13 });
  });

  it.each(cases)("$pair $window at $at, σ $sigma, proxy $stablecoin_proxy, $include", async (expected) => {
    const policy = policyOf(expected, {
      min_usd_volume: 0,
      guard_factor: 0,
      venue_deviation_pct: 0,
      min_usd_volume_unknown: "publish",
    });
    const value = await compute(expected, policy);
    expect(value === null ? null : figuresOf(value)).toEqual(expected.expect);

    const api = createApi({ ...apiOver(database, policy), now: () => parseTime(expected.at) + seconds(5) });
    const query = new URLSearchParams({ pair: expected.pair, window: expected.window, at: expected.at });
    const response = await api.request(`/v1/vwap?${query}`);
    const body = (await response.json()) as { data: PublishedValue; type: string };
    if (expected.expect === null)
      expect([response.status, body.type]).toEqual([404, "urn:stellarindex:problem:price-not-found"]);
    else expect([response.status, body.data]).toEqual([200, value]);
  });
});

/** Returns the fields of a value that the expected values list. */
function figuresOf(value: PublishedValue): ExpectedCase["expect"] {
  const { pair: _pair, window_seconds: _window, from: _from, to: _to, policy: _policy, ...figures } = value;
  return figures;
}
