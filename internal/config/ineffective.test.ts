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

/** Settings that make a rule ineffective, with the warning, and settings under which that warning is absent. */
it.each<[wrong: string, right: string, warning: string]>([
  [
    `${PAIRS}${NO_STORED}${COINGECKO}`,
    `${PAIRS}${NO_STORED}min_references = 1\n${COINGECKO}`,
    "divergence.min_references (2) is more than the number of references (1: coingecko) of crypto:XLM/fiat:USD, crypto:BTC/fiat:USD: these pairs are never compared",
  ],
  [
    `${PAIRS}${NO_STORED}${COINGECKO}${CHAINLINK}"BTC/USD" = "${FEED}"`,
    `${PAIRS}${NO_STORED}${COINGECKO}${CHAINLINK}"BTC/USD" = "${FEED}"\n"XLM/USD" = "${FEED}"`,
    "divergence.min_references (2) is more than the number of references (1: coingecko) of crypto:XLM/fiat:USD:",
  ],
  [
    "[divergence]\nmin_references = 10",
    "[divergence]\nmin_references = 9",
    "(10) is more than the number of references (9: stored sources) of",
  ],
  [
    `${COINGECKO}${PAID}`,
    `${COINGECKO}${PAID}api_key = "k"`,
    "divergence.coingecko.api_key is empty: CoinGecko refuses every request",
  ],
  [
    `[aggregate]\npairs = ["AQUA/USD"]\n${COINGECKO}`,
    `[aggregate]\npairs = ["AQUA/USD"]\n${COINGECKO}ids.AQUA = "aquarius"`,
    "divergence.coingecko.ids has the base asset of no published pair",
  ],
  [
    `[aggregate]\npairs = ["XLM/USD"]\n${CHAINLINK}"BTC/USD" = "${FEED}"`,
    `[aggregate]\npairs = ["XLM/USD"]\n${CHAINLINK}"native/USD" = "${FEED}"`,
    "divergence.chainlink.feeds has none of the published pairs",
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
    "divergence.stored_sources has no effect while aggregate.disable_class_filter is true",
  ],
  ["aggregate.settle_seconds = 40", "aggregate.settle_seconds = 29", "aggregate.settle_seconds (40) is not less than"],
  [
    "api.price_freshness_seconds = 5",
    "api.price_freshness_seconds = 6",
    "aggregate.settle_seconds (5) is not less than api.price_freshness_seconds (5): a published value is never fresh enough",
  ],
  ["aggregate.outlier_sigma_threshold = 100", "aggregate.outlier_sigma_threshold = 31", "fewer than 10002 trades"],
  [
    "aggregate.outlier_sigma_threshold = 100",
    'aggregate.outlier_sigma_threshold = 100\naggregate.outlier_method = "mad"',
    'aggregate.outlier_sigma_threshold (100) with outlier_method "sigma"',
  ],
  [
    "aggregate.venue_deviation_pct = 100",
    "aggregate.venue_deviation_pct = 99",
    "no venue is dropped because its price is too low",
  ],
  [
    "aggregate.route_deviation_pct = 500",
    "aggregate.route_deviation_pct = 0",
    "no route is dropped because its price is too low",
  ],
  [
    "aggregate.peg_tolerance_pct = 100",
    "aggregate.peg_tolerance_pct = 99.5",
    "no asset counts as off its peg because its price is too low",
  ],
  ["aggregate.guard_confirmations = 1", "aggregate.guard_confirmations = 2", "a source confirms its own price"],
  [
    "aggregate.min_usd_volume = 0",
    "aggregate.min_usd_volume = 0\naggregate.guard_factor = 0",
    "aggregate.min_usd_volume is 0: 2 trades of any size",
  ],
  ["aggregate.guard_hold_seconds = 14", "aggregate.guard_hold_seconds = 15", "no earlier value is ever held"],
  ["aggregate.guard_confirmations = 13", "aggregate.guard_confirmations = 12", "the 12 sources in the VWAP: a price"],
  ["aggregate.min_sources = 13", "aggregate.min_sources = 12", "min_sources (13) is more than the 12 sources"],
  ["aggregate.max_source_share = 0.08", "aggregate.max_source_share = 0.09", "is too low for the 12 sources"],
  [TWO_LEFT, `aggregate.venue_deviation_pct = 0\n${TWO_LEFT}`, "venue_deviation_pct needs at least three sources"],
  [
    out(...DEX, ...FX, "binance", "kraken", "coinbase", "bitstamp"),
    `${out(...DEX, ...FX, "binance", "kraken", "coinbase", "bitstamp")}[[sources]]\nname = "a"\nclass = "exchange"\n[[sources]]\nname = "b"\nclass = "exchange"`,
    "[[sources]] excludes every source from the VWAP",
  ],
  [
    'aggregate.triangulation_enabled = false\n[[aggregate.triangulations]]\ntarget = "XLM/EUR"\nlegs = ["XLM/USD", "EUR/USD"]',
    '[[aggregate.triangulations]]\ntarget = "XLM/EUR"\nlegs = ["XLM/USD", "EUR/USD"]',
    "[[aggregate.triangulations]] has no effect",
  ],
  [
    '[api]\nrate_limit_per_minute = 60\ntrusted_proxies = ["10.0.0.0/8", "0.0.0.0/0"]',
    '[api]\nrate_limit_per_minute = 60\ntrusted_proxies = ["10.0.0.0/8"]',
    "api.trusted_proxies (0.0.0.0/0) accepts any client's X-Forwarded-For",
  ],
  ...["0.0.0.0/1", "8.0.0.0/7", "::ffff:0.0.0.0/96", "2000::/3", "::/0"].map((range): [string, string, string] => [
    `[api]\nrate_limit_per_minute = 60\ntrusted_proxies = ["${range}"]`,
    '[api]\nrate_limit_per_minute = 60\ntrusted_proxies = ["10.0.0.0/8", "fc00::/7", "fe80::/10", "2001:db8::/32", "::1"]',
    `api.trusted_proxies (${range}) accepts any client's X-Forwarded-For`,
  ]),
  [
    "[api]\nmax_in_flight = 10_001",
    "[api]\nmax_in_flight = 10_000",
    "api.max_in_flight (10001) has no effect: the API accepts at most 10000 connections",
  ],
  [
    "aggregate.max_source_share = 1",
    "aggregate.max_source_share = 0.9",
    "aggregate.max_source_share is 1: a share never exceeds 1",
  ],
  [
    `aggregate.disable_class_filter = true\ndivergence.stored_sources = false\n${out("kraken", "ecb")}`,
    out("kraken", "ecb"),
    "[[sources]] (kraken, ecb) are counted in spite of include_in_vwap = false",
  ],
  [
    '[[sources]]\nname = "krakn"\nclass = "exchange"\ninclude_in_vwap = false',
    '[[sources]]\nname = "gemini"\nclass = "exchange"\ninclude_in_vwap = false',
    "[[sources]] excludes krakn, which is not a built-in source; did you mean kraken, which still counts?",
  ],
  [
    '[divergence.coingecko]\nenabled = true\nurl = "https://api.coingecko.com"',
    '[divergence.coingecko]\nenabled = true\nurl = "https://api.coingecko.com/api/v3/"',
    "divergence.coingecko.url (https://api.coingecko.com) lacks the path /api/v3",
  ],
  [
    '[deliver]\narchive = "a"\narchive_after = "30d"',
    '[deliver]\narchive = "a"\narchive_after = "30d"\n[control]\nkeep_ended_days = 31',
    "deliver.archive_after (720h) is not shorter than control.keep_ended_days (30)",
  ],
  [
    '[divergence.coingecko]\napi_key = "k"',
    '[divergence.coingecko]\nenabled = true\napi_key = "k"',
    "divergence.coingecko.api_key has no effect while",
  ],
])("a rule that can have no effect gets a warning: %j", (wrong, right, warning) => {
  expect(load(wrong).warnings).toContainEqual(expect.stringContaining(warning));
  const [named = ""] = warning.split(" (");
  expect(load(right).warnings.filter((each) => each.includes(named))).toEqual([]);
});

it("a rule that is switched off by its own key gets no warning", () => {
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
