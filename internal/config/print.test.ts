import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runsOf } from "../../test/thoroughness.ts";
import { SOURCE_NAME } from "../canonical/trade-rules.ts";
import { SOURCE_CLASSES } from "../policy/registry.ts";
import { load, withFile } from "./config.testing.ts";
import { loadConfig } from "./load.ts";
import { formatConfig } from "./print.ts";
import { formatTomlKey, formatTomlValue, parseToml } from "./toml.ts";

describe("the printed configuration", () => {
  it("shows the origin of each value", () => {
    const printed = formatConfig(
      load('[redis]\nurl = "redis://:hunter2@h"\n[aggregate.aliases]\nBTC = ["XBT"]', {
        STELLARINDEX_LOG_LEVEL: "debug",
      }),
    );
    expect(printed).toContain('url = "redis://:***@h"        # file\nkey_prefix = ""               # default\n');
    expect(printed).toContain('level = "debug"  # STELLARINDEX_LOG_LEVEL\n');
    expect(printed).toContain('native = ["crypto:XLM"]        # default\n"crypto:BTC" = ["crypto:XBT"]  # file\n');
    expect(printed).toMatch(/^sources = \[\] +# default$/m);
    expect(printed).not.toContain("hunter2");
  });

  it("has a block for each table of a list", () => {
    const legs = ["XLM/BTC", "BTC/ETH", "ETH/USD", "EUR/USD"];
    const chain = `[[aggregate.triangulations]]\ntarget = "XLM/EUR"\nlegs = ${JSON.stringify(legs)}\n`;
    expect(formatConfig(load(`${chain}[[sources]]\nname = "sdex"\nweight = 50`))).toContain(
      [
        "[[aggregate.triangulations]]",
        'target = "crypto:XLM/fiat:EUR"  # file',
        "legs = [                        # file",
        '  "crypto:XLM/crypto:BTC",      # file',
        '  "crypto:BTC/crypto:ETH",      # file',
        '  "crypto:ETH/fiat:USD",        # file',
        '  "fiat:EUR/fiat:USD",          # file',
        "]",
        "",
      ].join("\n"),
    );
    expect(formatConfig(load(""))).toMatch(/^triangulations = \[\] +# default$/m);
  });

  it("masks API keys and still loads", () => {
    const loaded = load(
      [
        '[divergence.coingecko]\napi_key = "hunter2"\n[divergence.coingecko.ids]\nETH = ""\nAQUA = "aquarius"',
        '[divergence.chainlink]\nrpc_url = "https://h:1/v3/hunter2"',
        '[divergence.chainlink.feeds]\n"BTC/USD" = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c"',
      ].join("\n"),
    );
    const printed = formatConfig(loaded);
    expect(printed).not.toContain("hunter2");
    expect(printed).toMatch(/^api_key = "\*\*\*" +# file$/m);
    expect(printed).toMatch(/^rpc_url = "https:\/\/h:1\/\*\*\*" +# file$/m);
    expect(printed).toMatch(/^"crypto:ETH" = "" +# file\n"crypto:XLM" = "stellar" +# default$/m);
    expect(printed).toMatch(/^"crypto:BTC\/fiat:USD" = "0xF403\w+" +# file$/m);
    const { coingecko, chainlink, ...others } = loaded.config.divergence;
    expect(load(printed).config.divergence).toEqual({
      ...others,
      coingecko: { ...coingecko, api_key: "***" },
      chainlink: { ...chainlink, rpc_url: "https://h:1/***" },
    });
  });

  it("masks what follows the hosts of nodes, whose providers have keys in it", () => {
    const endpoint = 'source = "soroswap"\nlive = "https://n/hunter2"\nrest = "https://n/v1/hunter2"';
    const printed = formatConfig(load(`[[collect.endpoints]]\n${endpoint}`));
    expect(printed).not.toContain("hunter2");
    expect(load(printed).config.collect.endpoints).toEqual([
      { source: "soroswap", live: "https://n/***", rest: "https://n/***" },
    ]);
  });

  it("of the defaults loads as the defaults", () => {
    const defaults = loadConfig({ env: {} });
    expect(load(formatConfig(defaults)).config).toEqual(defaults.config);
  });

  it("loads as the same configuration, for random overrides", () => {
    fc.assert(
      fc.property(anyOverrides(), (env) => {
        const loaded = loadConfig({ env });
        withFile(formatConfig(loaded), (file) => {
          expect(loadConfig({ file, env: {} }).config).toEqual(loaded.config);
        });
      }),
      { numRuns: runsOf(60) },
    );
  });
});

function anyOverrides(): fc.Arbitrary<Record<string, string>> {
  const numbers = { min: 0, max: 1000, noNaN: true };
  const codes = fc.uniqueArray(
    fc.stringMatching(/^[A-Z]{4,12}$/).filter((code) => !/^(US|EUR|PYUSD)/.test(code)),
    {
      maxLength: 12,
    },
  );
  const source = fc.record(
    {
      name: fc.stringMatching(SOURCE_NAME),
      class: fc.constantFrom(...SOURCE_CLASSES),
      include_in_vwap: fc.boolean(),
      weight: fc.integer({ min: 1, max: 1_000_000 }),
    },
    { requiredKeys: ["name", "class"] },
  );
  const sources = fc.uniqueArray(source, { selector: ({ name }) => name, maxLength: 4 });
  return fc
    .record({
      step: fc.integer({ min: 1, max: 60 }),
      steps: fc.integer({ min: 1, max: 5 }),
      windows: fc.array(fc.integer({ min: 5, max: 500 }), { minLength: 1, maxLength: 5 }),
      retention: fc.nat(3_000_000_000),
      sigma: fc.double(numbers),
      floor: fc.double(numbers),
      method: fc.constantFrom("sigma", "mad"),
      deviation: fc.double(numbers),
      share: fc.double({ ...numbers, max: 1 }),
      turned: fc.boolean(),
      ids: fc.dictionary(
        fc.constantFrom("XLM", "BTC", "ETH", "native", "AQUA"),
        fc.stringMatching(/^[a-z0-9_.-]{0,128}$/),
      ),
      feed: fc.stringMatching(/^0x[0-9a-fA-F]{40}$/),
      // A text between two quotes is refused: quotes are left out, as are the characters that a prefix may not have.
      prefix: fc.stringMatching(/^[!#-&(-9;->@-~]{0,20}$/),
      directory: fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }),
      codes,
      sources,
    })
    .map(({ step, steps, windows, codes: assets, ...rest }) => ({
      STELLARINDEX_AGGREGATE_BUCKET_SECONDS: String(step),
      STELLARINDEX_AGGREGATE_INTERVAL_SECONDS: String(step * steps),
      STELLARINDEX_AGGREGATE_VWAP_WINDOW_SECONDS: String(step * steps),
      STELLARINDEX_AGGREGATE_TWAP_WINDOW_SECONDS: String(step * 500),
      STELLARINDEX_AGGREGATE_WINDOWS: windows.map((count) => `${count * step}s`).join(","),
      STELLARINDEX_AGGREGATE_PAIRS: assets.map((code) => `${code}/USD`).join(","),
      STELLARINDEX_AGGREGATE_ALIASES: tomlTable(assets.map((code, index) => [`${code}`, [`X${index}`]])),
      STELLARINDEX_AGGREGATE_PEGS: tomlTable(assets.map((code) => [`crypto:${code}`, "EUR"])),
      STELLARINDEX_AGGREGATE_OUTLIER_SIGMA_THRESHOLD: String(rest.sigma),
      STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: String(rest.floor),
      STELLARINDEX_AGGREGATE_OUTLIER_METHOD: rest.method,
      STELLARINDEX_AGGREGATE_VENUE_DEVIATION_PCT: String(rest.deviation),
      STELLARINDEX_AGGREGATE_MAX_SOURCE_SHARE: String(rest.share),
      STELLARINDEX_AGGREGATE_TRIANGULATIONS: tomlTables(
        assets.map((code) => ({
          target: `${code}/CHF`,
          legs: [`${code}/EUR`, rest.turned ? "USD/EUR" : "EUR/USD", "USD/CHF"],
        })),
      ),
      STELLARINDEX_DIVERGENCE_COINGECKO_IDS: tomlTable(Object.entries(rest.ids)),
      STELLARINDEX_DIVERGENCE_CHAINLINK_FEEDS: tomlTable(assets.map((code) => [`${code}/USD`, rest.feed])),
      STELLARINDEX_DATABASE_RETENTION_TRADES: `${rest.retention}s`,
      STELLARINDEX_DATABASE_URL: `pglite:x${rest.directory}x`,
      STELLARINDEX_REDIS_KEY_PREFIX: rest.prefix,
      STELLARINDEX_SOURCES: tomlTables(rest.sources),
    }));
}

function tomlTables(tables: readonly object[]): string {
  return `[${tables.map((table) => tomlTable(Object.entries(table))).join(", ")}]`;
}

function tomlTable(entries: readonly (readonly [string, unknown])[]): string {
  return `{ ${entries.map(([key, value]) => `${formatTomlKey(key)} = ${formatTomlValue(value)}`).join(", ")} }`;
}

it("any text written as a TOML key and value is parsed back unchanged", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const read = parseToml(`${formatTomlKey(`k${text}`)} = [${formatTomlValue(text)}]`);
      expect(read).toEqual({ [`k${text}`]: [text] });
    }),
  );
});
