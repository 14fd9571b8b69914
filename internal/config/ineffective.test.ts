import { expect, it } from "vitest";
import { load } from "./config.testing.ts";

const FEED = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c";
const PAIRS = '[aggregate]\npairs = ["XLM/USD", "BTC/USD"]\n';
const NO_STORED = "[divergence]\nstored_sources = false\n";
const COINGECKO = "[divergence.coingecko]\nenabled = true\n";
const CHAINLINK = '[divergence.chainlink]\nrpc_url = "http://h"\n[divergence.chainlink.feeds]\n';
const PAID = 'url = "https://pro-api.coingecko.com/api/v3"\n';
const out = (...names: string[]) =>
  names.map((name) => `[[sources]]\nname = "${name}"\ninclude_in_vwap = false\n`).join("");
const DEX = ["sdex", "soroswap", "aquarius", "phoenix", "comet"];
const FX = ["massive", "polygon-forex", "exchangeratesapi"];
const TWO_LEFT = out(...DEX, ...FX, "binance", "kraken");

/** What is warned of, and what a setting beside it that lets the protection act is not. */
it.each<[wrong: string, right: string, warning: string]>([
  [
    `${PAIRS}${NO_STORED}${COINGECKO}`,
    `${PAIRS}${NO_STORED}min_references = 1\n${COINGECKO}`,
    "divergence.min_references (2) is more than the 1 that crypto:XLM/fiat:USD, crypto:BTC/fiat:USD can have (coingecko): what is published is never compared",
  ],
  [
    `${PAIRS}${NO_STORED}${COINGECKO}${CHAINLINK}"BTC/USD" = "${FEED}"`,
    `${PAIRS}${NO_STORED}${COINGECKO}${CHAINLINK}"BTC/USD" = "${FEED}"\n"XLM/USD" = "${FEED}"`,
    "divergence.min_references (2) is more than the 1 that crypto:XLM/fiat:USD can have (coingecko)",
  ],
  ["[divergence]\nmin_references = 10", "[divergence]\nmin_references = 9", "(10) is more than the 9 that"],
  [`${COINGECKO}${PAID}`, `${COINGECKO}${PAID}api_key = "k"`, "divergence.coingecko.api_key is empty: every request"],
  [
    `[aggregate]\npairs = ["AQUA/USD"]\n${COINGECKO}`,
    `[aggregate]\npairs = ["AQUA/USD"]\n${COINGECKO}ids.AQUA = "aquarius"`,
    "divergence.coingecko knows none of the published pairs",
  ],
  [
    `[aggregate]\npairs = ["XLM/USD"]\n${CHAINLINK}"BTC/USD" = "${FEED}"`,
    `[aggregate]\npairs = ["XLM/USD"]\n${CHAINLINK}"native/USD" = "${FEED}"`,
    "divergence.chainlink.feeds are of no published pair",
  ],
  [
    `[divergence]\nmax_age_seconds = 59\n${COINGECKO}`,
    "[divergence]\nmax_age_seconds = 59",
    "max_age_seconds (59) is less",
  ],
  [
    "[divergence]\nthreshold_pct = 100",
    "[divergence]\nthreshold_pct = 99",
    "divergence.threshold_pct (100) is 100 per cent",
  ],
  [
    "aggregate.disable_class_filter = true",
    "aggregate.disable_class_filter = true\ndivergence.stored_sources = false",
    "divergence.stored_sources counts nothing while aggregate.disable_class_filter is true",
  ],
  ["aggregate.settle_seconds = 40", "aggregate.settle_seconds = 29", "aggregate.settle_seconds (40) is no less than"],
  [
    "api.price_freshness_seconds = 5",
    "api.price_freshness_seconds = 6",
    "aggregate.settle_seconds (5) is no less than api.price_freshness_seconds (5): a published value is never that fresh",
  ],
  ["aggregate.outlier_sigma_threshold = 100", "aggregate.outlier_sigma_threshold = 31", "fewer than 10002 trades"],
  [
    "aggregate.outlier_sigma_threshold = 100",
    'aggregate.outlier_sigma_threshold = 100\naggregate.outlier_method = "mad"',
    'aggregate.outlier_sigma_threshold (100) with "sigma"',
  ],
  ["aggregate.venue_deviation_pct = 100", "aggregate.venue_deviation_pct = 99", "no venue is left out for its price"],
  ["aggregate.route_deviation_pct = 500", "aggregate.route_deviation_pct = 0", "no route is left out for its price"],
  ["aggregate.peg_tolerance_pct = 100", "aggregate.peg_tolerance_pct = 99.5", "no asset is off its peg"],
  ["aggregate.guard_confirmations = 1", "aggregate.guard_confirmations = 2", "a source confirms its own price"],
  [
    "aggregate.min_usd_volume = 0",
    "aggregate.min_usd_volume = 0\naggregate.guard_factor = 0",
    "aggregate.min_usd_volume is 0: 2 trades of any size",
  ],
  ["aggregate.guard_hold_seconds = 14", "aggregate.guard_hold_seconds = 15", "no earlier value is ever held"],
  ["aggregate.guard_confirmations = 13", "aggregate.guard_confirmations = 12", "the 12 sources in the VWAP: a price"],
  ["aggregate.min_sources = 13", "aggregate.min_sources = 12", "min_sources (13) is more than the 12 sources"],
  ["aggregate.max_source_share = 0.08", "aggregate.max_source_share = 0.09", "cannot hold with the 12 sources"],
  [TWO_LEFT, `aggregate.venue_deviation_pct = 0\n${TWO_LEFT}`, "venue_deviation_pct needs three sources or more"],
  [
    out(...DEX, ...FX, "binance", "kraken", "coinbase", "bitstamp"),
    `${out(...DEX, ...FX, "binance", "kraken", "coinbase", "bitstamp")}[[sources]]\nname = "a"\nclass = "exchange"\n[[sources]]\nname = "b"\nclass = "exchange"`,
    "leave no source in the VWAP",
  ],
  [
    'aggregate.triangulation_enabled = false\n[[aggregate.triangulations]]\ntarget = "XLM/EUR"\nlegs = ["XLM/USD", "EUR/USD"]',
    '[[aggregate.triangulations]]\ntarget = "XLM/EUR"\nlegs = ["XLM/USD", "EUR/USD"]',
    "[[aggregate.triangulations]] are not used",
  ],
  [
    '[api]\nrate_limit_per_minute = 60\ntrusted_proxies = ["10.0.0.0/8", "0.0.0.0/0"]',
    '[api]\nrate_limit_per_minute = 60\ntrusted_proxies = ["10.0.0.0/8"]',
    "api.trusted_proxies (0.0.0.0/0) believes every client",
  ],
  ...["0.0.0.0/1", "8.0.0.0/7", "::ffff:0.0.0.0/96", "2000::/3", "::/0"].map((range): [string, string, string] => [
    `[api]\nrate_limit_per_minute = 60\ntrusted_proxies = ["${range}"]`,
    '[api]\nrate_limit_per_minute = 60\ntrusted_proxies = ["10.0.0.0/8", "fc00::/7", "fe80::/10", "2001:db8::/32", "::1"]',
    `api.trusted_proxies (${range}) believes every client`,
  ]),
  [
    "[api]\nmax_in_flight = 10_001",
    "[api]\nmax_in_flight = 10_000",
    "api.max_in_flight (10001) is never reached: there are at most 10000 connections",
  ],
  ["aggregate.max_source_share = 1", "aggregate.max_source_share = 0.9", "aggregate.max_source_share is 1: no venue"],
  [
    `aggregate.disable_class_filter = true\ndivergence.stored_sources = false\n${out("kraken", "ecb")}`,
    out("kraken", "ecb"),
    "[[sources]] (kraken, ecb) are not left out while",
  ],
  [
    '[[sources]]\nname = "krakn"\nclass = "exchange"\ninclude_in_vwap = false',
    '[[sources]]\nname = "gemini"\nclass = "exchange"\ninclude_in_vwap = false',
    "[[sources]] leave out krakn, which is not built in; kraken is, and counts",
  ],
  [
    '[divergence.coingecko]\nenabled = true\nurl = "https://api.coingecko.com"',
    '[divergence.coingecko]\nenabled = true\nurl = "https://api.coingecko.com/api/v3/"',
    "divergence.coingecko.url (https://api.coingecko.com) lacks the path /api/v3",
  ],
  [
    '[divergence.coingecko]\napi_key = "k"',
    '[divergence.coingecko]\nenabled = true\napi_key = "k"',
    "divergence.coingecko.api_key is not used while",
  ],
])("a protection that can never act is a warning: %j", (wrong, right, warning) => {
  expect(load(wrong).warnings).toContainEqual(expect.stringContaining(warning));
  const [named = ""] = warning.split(" (");
  expect(load(right).warnings.filter((each) => each.includes(named))).toEqual([]);
});

it("nothing is warned of that is switched off by its own key", () => {
  const off = [
    "outlier_sigma_threshold",
    "venue_deviation_pct",
    "route_deviation_pct",
    "peg_tolerance_pct",
    "guard_factor",
  ];
  expect(load(off.map((key) => `aggregate.${key} = 0`).join("\n")).warnings).toEqual([]);
  expect(load("divergence.stored_sources = false\ndivergence.min_references = 100").warnings).toEqual([]);
});
