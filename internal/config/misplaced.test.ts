import { describe, expect, it } from "vitest";
import { load, problemsOf } from "./config.testing.ts";
import { CONFIG_KEYS } from "./keys.ts";

const HEADERS = ["aggregate.aliases", "aggregate.pegs", "divergence.coingecko.ids", "divergence.chainlink.feeds"];

describe("a key of the configuration below the wrong header", () => {
  it.each<[header: string, line: string, key: string, right: string]>([
    ["aggregate.aliases", 'windows = ["5m"]', "windows", "windows below [aggregate], above [aggregate.aliases]"],
    ["aggregate.aliases", 'pairs = ["XLM/USD"]', "pairs", "pairs below [aggregate], above"],
    [
      "aggregate.aliases",
      'listen = "0.0.0.0:80"',
      "listen",
      "listen below [api] or listen below [control] or listen below [gateway], above",
    ],
    ["aggregate.aliases", 'database.url = "postgres://u:hunter2@h/db"', "database", "[database], above"],
    ["aggregate.aliases", "interval_seconds = 15", "interval_seconds", "interval_seconds below [aggregate], above"],
    ["aggregate.aliases", 'legs = ["XLM/USD", "EUR/USD"]', "legs", "legs below [[aggregate.triangulations]], above"],
    ["aggregate.pegs", 'outlier_method = "mad"', "outlier_method", "outlier_method below [aggregate], above"],
    ["aggregate.pegs", "min_usd_volum = 1", "min_usd_volum", "min_usd_volume below [aggregate], above"],
    ["divergence.coingecko.ids", 'windows = ["5m"]', "windows", "windows below [aggregate], above"],
    ["divergence.coingecko.ids", 'level = "debug"', "level", "level below [log], above [divergence.coingecko.ids]"],
    ["divergence.coingecko.ids", 'url = "http://h/hunter2"', "url", "url below [divergence.coingecko], above"],
    ["divergence.coingecko.ids", 'api_key = "hunter2"', "api_key", "api_key below [divergence.coingecko], above"],
    [
      "divergence.coingecko.ids",
      'name = "gemini"',
      "name",
      "name below [[api.keys]] or name below [[control.schedules]] or name below [[control.keys]] or name below [[gateway.keys]] or name below [[sources]] or name below [[deliveries]], above",
    ],
    ["divergence.chainlink.feeds", 'rpc_url = "http://h/hunter2"', "rpc_url", "rpc_url below [divergence.chainlink]"],
    // Misspelt keys, which cannot be asset codes.
    ["aggregate.aliases", 'window = ["5m"]', "window", "windows below [aggregate], above"],
    ["aggregate.aliases", 'Windows = ["5m"]', "Windows", "windows below [aggregate], above"],
    ["divergence.coingecko.ids", 'pair = "stellar"', "pair", "pair below [[feeds]]"],
  ])("[%s] %s is refused with the right header", (header, line, key, right) => {
    const problems = problemsOf(`[${header}]\n${line}`);
    expect(problems).toEqual([
      {
        where: expect.stringMatching(/stellarindex\.toml$/),
        key: `${header}.${key}`,
        wrong: "is a key of the configuration, not an asset, and is below the wrong header",
        right: expect.stringContaining(right),
      },
    ]);
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });

  it.each(HEADERS)("is refused in [%s], whichever key it is", (header) => {
    for (const { path } of CONFIG_KEYS) {
      const name = path.at(-1);
      expect(problemsOf(`[${header}]\n${name} = "stellar"`)).toMatchObject([{ key: `${header}.${name}` }]);
    }
  });

  it("is reported for the variable if a variable contains it", () => {
    const variable = "STELLARINDEX_AGGREGATE_ALIASES";
    expect(problemsOf("", { [variable]: '{ windows = ["5m"] }' })).toMatchObject([
      { where: variable, key: "aggregate.aliases.windows" },
    ]);
  });

  it("does not affect tokens of such names with a prefix, or codes that resemble them", () => {
    const { config } = load(
      '[aggregate.aliases]\n"crypto:windows" = ["crypto:5m"]\nLOG = ["API"]\nNAMES = ["yPAIR"]\n[divergence.coingecko.ids]\nPAIR = "pair"',
    );
    expect(Object.fromEntries(config.aggregate.aliases)).toMatchObject({
      "crypto:windows": ["crypto:5m"],
      "crypto:LOG": ["crypto:API"],
      "crypto:NAMES": ["crypto:yPAIR"],
    });
    expect(config.divergence.coingecko.ids.get("crypto:PAIR" as never)).toBe("pair");
  });
});

it.each([
  ['[aggregate.aliases]\nA = ["B", "5m"]', "aggregate.aliases.A[1]"],
  ['[aggregate.pegs]\nA = "24h"', "aggregate.pegs.A"],
])("a duration is refused as an asset: %j", (text, key) => {
  expect(problemsOf(text)).toMatchObject([{ key, wrong: expect.stringContaining("is a duration, not an asset") }]);
});

it("a misplaced key in camel case is recognized", () => {
  expect(problemsOf('[aggregate.aliases]\nminUsdVolume = ["5"]')).toMatchObject([
    { key: "aggregate.aliases.minUsdVolume", right: expect.stringContaining("min_usd_volume below [aggregate]") },
  ]);
  expect(problemsOf("[divergence.coingecko.ids]\napiKey = 'k'")).toMatchObject([
    { right: expect.stringContaining("api_key below [divergence.coingecko]") },
  ]);
});

describe("names that every object inherits", () => {
  it.each([
    ['[aggregate.pegs]\n"c\\U0000006fnstructor" = "USD"', "line 2, column 1: constructor"],
    ["__proto__ = 1", "line 1, column 1: __proto__"],
    ["[__proto__]\nurl = 1", "line 1, column 2: __proto__"],
    ["[[__proto__]]\nurl = 1", "line 1, column 3: __proto__"],
    ["[api.__proto__]\nrequire_key = false", "line 1, column 6: __proto__"],
    ['[aggregate.aliases]\n__proto__ = ["XLM"]', "line 2, column 1: __proto__"],
    ['[[sources]]\nname = "sdex"\n__proto__ = { weight = 1 }', "line 3, column 1: __proto__"],
    ["[constructor]\nkeys = 1", "line 1, column 2: constructor"],
    ["[constructor.prototype]\nlevel = 1", "line 1, column 2: constructor"],
    ["[ toString ]\ncall = 1", "line 1, column 3: toString"],
    ['[log]\n"valueOf" = 1', "line 2, column 1: valueOf"],
    ['[log]\n"value\\u004ff" = 1', "line 2, column 1: valueOf"],
    ["log = { 'valueOf'.x = 1 }", "line 1, column 9: valueOf"],
  ])("are refused as keys: %j", (text, wrong) => {
    expect(problemsOf(text)).toMatchObject([{ key: "", wrong: `${wrong} is not a known key` }]);
    expect(typeof Object.keys).toBe("function");
  });

  it("are accepted within texts and comments", () => {
    const text = '# [constructor]\n[redis]\nkey_prefix = """\n[toString]\n"""\n[aggregate]\npairs = [\'valueOf\']';
    expect(problemsOf(text)).toMatchObject([{ key: "redis.key_prefix" }, { key: "aggregate.pairs[0]" }]);
  });
});

describe("whole numbers of more than 53 bits are refused", () => {
  it.each(["18446744073709551646", "-9223372036854775809", "9007199254740993", "0x1_0000_0000_0000_001e"])(
    "%s",
    (written) => {
      for (const key of ["aggregate.interval_seconds", "aggregate.min_usd_volume", "api.max_in_flight"]) {
        const wrong = `line 1, column ${key.length + 4}: the whole number has more than 53 bits`;
        expect(problemsOf(`${key} = ${written}`)).toMatchObject([{ key: "", wrong }]);
      }
    },
  );

  it("but decimals and smaller whole numbers are not", () => {
    for (const text of ["0.12345678901234567890123", "100.12345678901234567890123", "1e15", "999999999999999"]) {
      expect(problemsOf(`aggregate.min_usd_volume = ${text}`)).toEqual([]);
    }
  });
});
