import { describe, expect, it } from "vitest";
import { type Asset, parseAsset } from "../canonical/asset.ts";
import { parseDecimal, ZERO } from "../canonical/decimal.ts";
import { expectFraction } from "../canonical/fraction.testing.ts";
import { type Fraction, fraction, ONE, roundFraction } from "../canonical/fraction.ts";
import { formatPair, parsePair } from "../canonical/pair.ts";
import { closeAliases, currencyOf, namesOf, pairIdentity } from "./aliases.ts";
import { countedSources, filterByClass } from "./class-filter.ts";
import { expandPair } from "./expansion.ts";
import { checkFloor, usdRateOf, usdVolumeOf } from "./floor.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type PolicySettings } from "./policy.ts";

const ISSUED = parseAsset("USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN");
const asset = (text: string): Asset => parseAsset(text);
const policyWith = (settings: Partial<PolicySettings>) => makePolicy({ ...DEFAULT_POLICY_SETTINGS, ...settings });
const expanded = (pair: string, settings: Partial<PolicySettings>) =>
  expandPair(parsePair(pair), policyWith(settings)).map(formatPair);

const chain = (target: string, ...legs: string[]) => ({ target: parsePair(target), legs: legs.map(parsePair) });

describe("aliases", () => {
  it("are symmetric and transitive", () => {
    const aliases = closeAliases(
      new Map([
        [asset("A"), [asset("B")]],
        [asset("C"), [asset("D")]],
        [asset("D"), [asset("B")]],
      ]),
    );
    for (const name of ["A", "B", "C", "D"]) {
      expect(namesOf(asset(name), aliases)).toEqual(["crypto:A", "crypto:B", "crypto:C", "crypto:D"]);
    }
    expect(namesOf(asset("E"), aliases)).toEqual(["crypto:E"]);
  });

  it("make pairs of aliases the same pair", () => {
    const { aliases } = policyWith({});
    expect(pairIdentity(parsePair("native/USD"), aliases)).toBe(pairIdentity(parsePair("XLM/USD"), aliases));
    expect(pairIdentity(parsePair("BTC/USD"), aliases)).not.toBe(pairIdentity(parsePair("XLM/USD"), aliases));
  });

  it("share a peg", () => {
    const { aliases, pegs } = policyWith({ aliases: new Map([[ISSUED, [asset("USDC")]]]) });
    expect(currencyOf(ISSUED, aliases, pegs)).toBe("fiat:USD");
    expect(currencyOf(asset("EUR"), aliases, pegs)).toBe("fiat:EUR");
    expect(currencyOf(asset("BTC"), aliases, pegs)).toBe(null);
  });
});

describe("expansion", () => {
  it("includes all aliases of both sides, and no pegged assets while the proxy is off", () => {
    expect(expanded("XLM/USD", {})).toEqual([
      "CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMA/fiat:USD",
      "crypto:XLM/fiat:USD",
      "native/fiat:USD",
    ]);
    // The contract of an asset differs between networks.
    const elsewhere = expanded("XLM/USD", { stellar_network: "testnet" });
    expect(elsewhere).toHaveLength(3);
    expect(elsewhere).not.toContain("CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMA/fiat:USD");
    expect(expanded("BTC/USD", {})).toEqual(["crypto:BTC/fiat:USD"]);
  });

  it("adds the assets pegged to a fiat quote, and their aliases, with the proxy on", () => {
    const settings = { enable_stablecoin_fiat_proxy: true, pegs: new Map([[ISSUED, asset("USD")]]) };
    expect(expanded("BTC/USD", settings)).toEqual([
      "crypto:BTC/fiat:USD",
      "crypto:BTC/crypto:USDT",
      "crypto:BTC/crypto:USDC",
      "crypto:BTC/crypto:DAI",
      "crypto:BTC/crypto:PYUSD",
      "crypto:BTC/crypto:USDP",
      "crypto:BTC/CCW67TSZV3SSS2HXMBQ5JFGCKJNXKZM7UQUWUZPUTHXSTZLEO7SJMI75",
      `crypto:BTC/${ISSUED}`,
    ]);
    expect(expanded("BTC/EUR", settings)).toContain("crypto:BTC/crypto:EURC");
    expect(expanded("BTC/USDC", settings)).toEqual(["crypto:BTC/crypto:USDC"]);
    const named = { ...settings, aliases: new Map([[ISSUED, [asset("USDC")]]]) };
    expect(expanded("USDC/USD", named)).toContain("crypto:USDC/crypto:USDT");
    for (const pair of expanded("USDC/USD", named)) expect(pair).not.toMatch(/USDC.*\/.*USDC/);
  });
});

describe("class filter", () => {
  const totals = (source: string, tradeCount: number) => ({
    source,
    tradeCount,
    baseVolume: ZERO,
    quoteVolume: ZERO,
    priceSum: ZERO,
    priceSquareSum: ZERO,
    priceMin: ZERO,
    priceMax: ZERO,
  });
  const all = [totals("binance", 5), totals("coingecko", 3), totals("nobody", 2)];

  it("keeps exchanges in VWAP and drops unknown sources", () => {
    const { kept, dropped, unknown } = filterByClass(all, policyWith({}));
    expect([kept.map(({ source }) => source), dropped, unknown]).toEqual([["binance"], 5, ["nobody"]]);
  });

  it("keeps all sources when it is off", () => {
    expect(filterByClass(all, policyWith({ disable_class_filter: true })).kept).toBe(all);
    expect(countedSources(policyWith({ disable_class_filter: true }))).toBe(null);
  });

  it("uses the configured registry", () => {
    const policy = policyWith({
      sources: [
        { name: "nobody", class: "exchange" },
        { name: "binance", include_in_vwap: false },
        { name: "coingecko", include_in_vwap: true },
      ],
    });
    expect(filterByClass(all, policy).kept.map(({ source }) => source)).toEqual(["coingecko", "nobody"]);
  });
});

describe("volume floor", () => {
  const floor = (text: string, unknownVolume: "publish" | "refuse" = "publish") => ({
    minUsdVolume: parseDecimal(text),
    unknownVolume,
  });
  const dollars = (text: string) => usdVolumeOf(parseDecimal(text), ONE);

  it("accepts a volume that reaches it", () => {
    expect(checkFloor(dollars("10000"), floor("10000"))).toBe(null);
    expect(checkFloor(dollars("9999.999999999999999999999999999999"), floor("10000"))).toBe("below-floor");
    expect(checkFloor(dollars("0.01"), floor("0"))).toBe(null);
  });

  it("compares exactly if the rate divides", () => {
    const quoted = { price: parseDecimal("3"), inverse: true };
    const worth = (text: string, rate: Fraction) => usdVolumeOf(parseDecimal(text), rate);
    const third = usdRateOf(quoted);
    expect(checkFloor(worth("30000", third), floor("10000"))).toBe(null);
    expect(checkFloor(worth("29999.9999999999999999999999999", third), floor("10000"))).toBe("below-floor");
    expect(roundFraction(worth("1", third) ?? ONE).toFixed()).toBe("0.333333333333333333");
    expect(roundFraction(worth("2", usdRateOf({ ...quoted, inverse: false })) ?? ONE).toFixed()).toBe("6");
  });

  it("gives an unknown result for a volume without a rate", () => {
    expect(usdVolumeOf(parseDecimal("1"), null)).toBe(null);
    expectFraction(usdVolumeOf(parseDecimal("1.5"), fraction(1n, 3n)) ?? ONE, fraction(1n, 2n));
  });

  it("treats an unknown volume as configured", () => {
    expect(checkFloor(null, floor("10000", "publish"))).toBe(null);
    expect(checkFloor(null, floor("10000", "refuse"))).toBe("unknown-usd-volume");
    expect(checkFloor(null, floor("0", "refuse"))).toBe(null);
  });
});

describe("policy id", () => {
  const id = (settings: Partial<PolicySettings>) => policyWith(settings).id;

  it("is the hash of the registry version alone if every setting has its default", () => {
    expect(id({})).toBe("50cc362b5b34");
  });

  it("changes with every setting that can change a figure", () => {
    const ids = [
      id({}),
      id({ disable_class_filter: true }),
      id({ enable_stablecoin_fiat_proxy: true }),
      id({ outlier_sigma_threshold: 3 }),
      id({ outlier_sigma_threshold: 0 }),
      id({ outlier_method: "mad" }),
      id({ venue_deviation_pct: 5 }),
      id({ venue_deviation_pct: 0 }),
      id({ outlier_max_dropped_share: 1 }),
      id({ min_sources: 2 }),
      id({ guard_factor: 0 }),
      id({ guard_factor: 1.5 }),
      id({ guard_confirmations: 1 }),
      id({ guard_hold_seconds: 0 }),
      id({ peg_tolerance_pct: 1 }),
      id({ route_deviation_pct: 0 }),
      id({ twap_carry_seconds: 0 }),
      id({ stellar_network: "testnet" }),
      id({ max_source_share: 0.5 }),
      id({ triangulation_enabled: false }),
      id({ max_hops: 2 }),
      id({ triangulations: [chain("XLM/EUR", "XLM/USD", "EUR/USD")] }),
      id({ triangulations: [chain("XLM/EUR", "XLM/BTC", "BTC/EUR")] }),
      id({ sources: [{ name: "binance", weight: 50 }] }),
      id({ min_usd_volume: 0 }),
      id({ min_usd_volume_unknown: "publish" }),
      id({ aliases: new Map() }),
      id({ pegs: new Map([[asset("SUSD"), asset("USD")]]) }),
      id({ sources: [{ name: "nobody", class: "exchange" }] }),
      id({ sources: [{ name: "binance", include_in_vwap: false }] }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("does not depend on the notation of a setting", () => {
    expect(id({ outlier_sigma_threshold: 4.0, min_usd_volume: 1e4 })).toBe(id({}));
    expect(id({ sources: [{ name: "binance", class: "exchange", include_in_vwap: true, weight: 100 }] })).toBe(id({}));
    expect(id({ aliases: new Map([[asset("XLM"), [asset("native")]]]) })).toBe(id({}));
    for (const pegged of [asset("USDC"), ISSUED]) {
      expect(id({ pegs: new Map([[pegged, asset("USD")]]) })).toBe(id({}));
    }
    expect(id({ triangulations: [chain("native/EUR", "USD/XLM", "USD/EUR")] })).toBe(
      id({ triangulations: [chain("XLM/EUR", "XLM/USD", "EUR/USD")] }),
    );
  });
});
