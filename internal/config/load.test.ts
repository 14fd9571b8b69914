import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../aggregate/policy.ts";
import { formatPair, parsePair } from "../canonical/pair.ts";
import { load, problemsOf } from "./config.testing.ts";
import { CONFIG_KEYS } from "./keys.ts";
import { loadConfig } from "./load.ts";
import { ConfigError } from "./problems.ts";
import { publishedPairs } from "./published-pairs.ts";
import { type Config, policySettings } from "./schema.ts";
import { refuseUnsharedStores } from "./shared-stores.ts";

const EXAMPLE = new URL("../../config.example.toml", import.meta.url);
const defaults = loadConfig({ env: {} });

describe("defaults", () => {
  it("are there without a file", () => {
    const { aggregate, ...others } = defaults.config;
    expect(others).toEqual({
      database: {
        url: "pglite:stellarindex-data",
        max_connections: 10,
        connect_timeout_seconds: 5,
        query_timeout_seconds: 30,
        breaker_failures: 5,
        breaker_cooldown_seconds: 5,
        timescaledb: "auto",
        retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      },
      redis: { url: "memory:", key_prefix: "", breaker_failures: 5, breaker_cooldown_seconds: 5 },
      api: {
        listen: { host: "127.0.0.1", port: 8080 },
        ops_listen: { host: "127.0.0.1", port: 9102 },
        price_freshness_seconds: 30,
        request_timeout_seconds: 10,
        query_timeout_seconds: 8,
        max_in_flight: 256,
        rate_limit_per_minute: 0,
        trusted_proxies: [],
        cors_origins: [],
        require_key: false,
        keys: [],
      },
      log: { level: "info" },
      divergence: {
        min_interval_seconds: 300,
        threshold_pct: 5,
        min_references: 2,
        max_age_seconds: 5400,
        timeout_ms: 5000,
        stored_sources: true,
        coingecko: {
          enabled: false,
          url: "https://api.coingecko.com/api/v3",
          api_key: "",
          requests_per_minute: 10,
          ids: new Map([
            ["crypto:XLM", "stellar"],
            ["crypto:BTC", "bitcoin"],
            ["crypto:ETH", "ethereum"],
          ]),
        },
        chainlink: { rpc_url: "", requests_per_minute: 60, feeds: [] },
      },
      sources: [],
    });
    expect({ ...aggregate, pairs: aggregate.pairs.map(formatPair) }).toEqual({
      pairs: ["XLM", "BTC", "ETH"].flatMap((base) =>
        ["USD", "EUR", "GBP"].map((quote) => `crypto:${base}/fiat:${quote}`),
      ),
      windows: [300, 3600, 86_400],
      interval_seconds: 30,
      bucket_seconds: 15,
      settle_seconds: 5,
      vwap_window_seconds: 300,
      twap_window_seconds: 300,
      disable_class_filter: false,
      enable_stablecoin_fiat_proxy: false,
      outlier_method: "sigma",
      outlier_sigma_threshold: 4,
      outlier_max_dropped_share: 0.5,
      venue_deviation_pct: 10,
      max_source_share: 0,
      min_usd_volume: 10_000,
      min_usd_volume_unknown: "refuse",
      min_sources: 1,
      guard_factor: 2,
      guard_confirmations: 2,
      guard_hold_seconds: 3600,
      peg_tolerance_pct: 2,
      twap_carry_seconds: 3600,
      precompute_twap: false,
      triangulation_enabled: true,
      route_deviation_pct: 10,
      max_hops: 3,
      max_trades_per_window: 10_000,
      concurrency: 1000,
      replicas: "single",
      ops_listen: { host: "127.0.0.1", port: 9101 },
      stellar_network: "public",
      aliases: new Map([["native", ["crypto:XLM"]]]),
      pegs: new Map(),
      triangulations: [],
    });
    expect(new Set([...defaults.origins.values()].map(({ from }) => from))).toEqual(new Set(["default"]));
    expect(defaults).toMatchObject({ file: null, warnings: [] });
  });

  it("are what the example file says, key by key", () => {
    const file = EXAMPLE.pathname;
    const example = loadConfig({ file, env: {} });
    expect(example.config).toEqual(defaults.config);
    const unsaid = [...example.origins].filter(([, origin]) => origin.from === "default").map(([key]) => key);
    expect(unsaid).toEqual(["api.keys", "aggregate.triangulations", "sources"]);
    const text = readFileSync(EXAMPLE, "utf8");
    for (const key of ["target", "legs", "name", "class", "subclass", "include_in_vwap", "weight"]) {
      expect(text).toMatch(new RegExp(`^# ${key} = `, "m"));
    }
  });

  it("have commented examples that load once the comment signs are gone", () => {
    const text = readFileSync(EXAMPLE, "utf8");
    const uncommented = text.replace(/^# (?=(?:\[\[|[a-z_]+ = |"crypto:GUSD|USDC-G|"(?:BTC|ETH)\/USD" = ))/gm, "");
    const { config } = load(uncommented);
    expect(config.aggregate.pegs.size).toBe(2);
    expect(config.aggregate.triangulations).toEqual([
      { target: parsePair("XLM/EUR"), legs: [parsePair("XLM/USD"), parsePair("EUR/USD")] },
    ]);
    expect(config.divergence.chainlink.feeds.map(({ pair }) => formatPair(pair))).toEqual([
      "crypto:BTC/fiat:USD",
      "crypto:ETH/fiat:USD",
    ]);
    expect(config.api.keys).toEqual([
      { name: "wallet-app", hash: `sha256:${"0".repeat(64)}`, rate_limit_per_minute: 6000 },
    ]);
    expect(config.sources).toEqual([
      { name: "gemini", class: "exchange", subclass: "cex", include_in_vwap: true, weight: 100 },
    ]);
  });

  it("make the default policy", () => {
    expect(policySettings(defaults.config)).toEqual(DEFAULT_POLICY_SETTINGS);
  });

  it.each([
    '[[sources]]\nname = "gemini"\nclass = "exchange"',
    '[aggregate]\noutlier_method = "mad"',
    "[aggregate]\nvenue_deviation_pct = 2.5",
    "[aggregate]\nmax_source_share = 0.5",
    "[aggregate]\noutlier_max_dropped_share = 1",
    "[aggregate]\nmin_sources = 2",
    '[aggregate]\nmin_usd_volume_unknown = "publish"',
    "[aggregate]\nguard_factor = 0",
    "[aggregate]\nguard_confirmations = 3",
    "[aggregate]\nguard_hold_seconds = 60",
    "[aggregate]\npeg_tolerance_pct = 5",
    "[aggregate]\nroute_deviation_pct = 5",
    "[aggregate]\ntwap_carry_seconds = 60",
    '[aggregate]\nstellar_network = "testnet"',
    "[aggregate]\ntriangulation_enabled = false",
    "[aggregate]\nmax_hops = 2",
    '[[aggregate.triangulations]]\ntarget = "XLM/EUR"\nlegs = ["XLM/USD", "EUR/USD"]',
  ])("make another policy than %j", (text) => {
    const idOf = (config: Config): string => makePolicy(policySettings(config)).id;
    expect(idOf(load(text).config)).not.toBe(idOf(defaults.config));
  });
});

describe("a file", () => {
  it("is named by the variable where no option names one", () => {
    expect(loadConfig({ env: { STELLARINDEX_CONFIG: EXAMPLE.pathname } }).file).toBe(EXAMPLE.pathname);
    expect(loadConfig({ env: { STELLARINDEX_CONFIG: "" } }).file).toBe(null);
  });

  it("that is missing is named with the cure", () => {
    expect(() => loadConfig({ file: "/nowhere/stellarindex.toml", env: {} })).toThrow(
      "/nowhere/stellarindex.toml: there is no such file; expected a copy of config.example.toml there, or no file",
    );
    expect(() => loadConfig({ file: "/", env: {} })).toThrow("/: is no regular file");
  });

  it("that is no TOML is refused with line and column, and without what the line says", () => {
    const [problem, ...others] = problemsOf('[redis]\nurl = "redis://:hunter2@h" x\n');
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ key: "", wrong: expect.stringMatching(/^line 2, column 28: /) });
    expect(JSON.stringify(problem)).not.toContain("hunter2");
  });

  it("that is no text is refused, and not as TOML with a strange character in it", () => {
    expect(problemsOf("[log]\n\0\0")).toMatchObject([
      { key: "", wrong: "is no UTF-8 text", right: "TOML, saved as UTF-8" },
    ]);
  });

  it("may start with a byte order mark", () => {
    expect(load('\uFEFF[log]\nlevel = "debug"').config.log.level).toBe("debug");
  });

  it("has its lists put in order", () => {
    const { aggregate } = load('[aggregate]\npairs = ["native/EURC"]\nwindows = ["1h", "90s", "60m"]').config;
    expect(aggregate.windows).toEqual([90, 3600]);
    expect(aggregate.pairs).toEqual([parsePair("native/crypto:EURC")]);
  });

  it("adds to the default aliases, key by key", () => {
    const added = load('[aggregate.aliases]\nBTC = ["XBT"]').config.aggregate.aliases;
    expect(added).toEqual(new Map(Object.entries({ native: ["crypto:XLM"], "crypto:BTC": ["crypto:XBT"] })));
    expect(load("[aggregate.aliases]\nnative = []").config.aggregate.aliases).toEqual(new Map([["native", []]]));
  });

  it("adds to the default ids of coins, key by key, and takes away what is empty", () => {
    const { ids } = load('[divergence.coingecko.ids]\nAQUA = "aquarius"\nETH = ""\nBTC = "wrapped-bitcoin"').config
      .divergence.coingecko;
    expect(Object.fromEntries(ids)).toEqual({
      "crypto:XLM": "stellar",
      "crypto:BTC": "wrapped-bitcoin",
      "crypto:AQUA": "aquarius",
    });
  });

  it("has the targets of its chains published after the pairs, each market once", () => {
    const chains = ["XLM/EUR", "native/GBP", "BTC/CHF"].map((target) => {
      const [base = "", quote = ""] = target.split("/");
      return `[[aggregate.triangulations]]\ntarget = "${target}"\nlegs = ["USD/${base}", "USD/${quote}"]`;
    });
    const { config } = load(['[aggregate]\npairs = ["XLM/GBP", "XLM/USD"]', ...chains].join("\n"));
    expect(publishedPairs(config).map(formatPair)).toEqual([
      "crypto:XLM/fiat:GBP",
      "crypto:XLM/fiat:USD",
      "crypto:XLM/fiat:EUR",
      "crypto:BTC/fiat:CHF",
    ]);
    expect(publishedPairs(defaults.config)).toEqual(defaults.config.aggregate.pairs);
  });

  it("may have the most chains there can be", () => {
    const names = Array.from({ length: 1000 }, (_, index) => `A${index}`);
    const chains = names.map((name) => `{ target = "${name}/EUR", legs = ["${name}/USD", "EUR/USD"] }`);
    const { config } = load(`[aggregate]\ntriangulations = [${chains.join(", ")}]`);
    expect(publishedPairs(config)).toHaveLength(1009);
  });

  it("reads addresses", () => {
    const { api } = load('[api]\nlisten = "[::1]:80"\nops_listen = "localhost:0"').config;
    expect(api.listen).toEqual({ host: "::1", port: 80 });
    expect(api.ops_listen).toEqual({ host: "localhost", port: 0 });
  });

  it.each(["postgres://u:p@h/db", "postgresql://a:1,b:2/db", "postgres:///db?host=/run", "pglite:d", "pglite:memory"])(
    "may keep trades in %s",
    (url) => expect(load(`[database]\nurl = "${url}"`).config.database.url).toBe(url),
  );

  it.each(["redis://h", "rediss://u:p@h:1/2", "redis://[::1]:6379/0", "memory:"])("may keep prices in %s", (url) =>
    expect(load(`[redis]\nurl = "${url}"`).config.redis.url).toBe(url),
  );

  it("gets a warning where a table does not reach back far enough", () => {
    const { warnings } = load('[database.retention]\ntrades = "23h"\ntrades_1m = "24h"');
    expect(warnings).toEqual([
      "database.retention.trades (23h) is shorter than the longest window (24h), which then has no value",
      "database.retention.trades (23h) is shorter than the 168h that rates to USD may be old; pairs in other currencies fail where no rate lies in what is kept",
    ]);
    const inDollars = load('[database.retention]\ntrades = "48h"\n[aggregate]\npairs = ["XLM/USD"]');
    expect(inDollars.warnings).toEqual([]);
    const hours = '[aggregate]\npairs = ["XLM/USD"]\n[database.retention]\ntrades_1h';
    expect(load(`${hours} = "767h"`).warnings).toEqual([
      "database.retention.trades_1h (767h) is shorter than the 768h in which the guard looks for the last five hours with trades; pairs that traded in fewer hours of what is kept fail",
    ]);
    expect(load(`${hours} = "768h"`).warnings).toEqual([]);
    expect(load(`${hours} = "48h"`, { STELLARINDEX_AGGREGATE_GUARD_FACTOR: "0" }).warnings).toEqual([]);
  });
});

const FEED = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c";

it("warns of an API that any machine may ask as often as it likes", () => {
  const warned = (api: string) => load(`[api]\n${api}`).warnings;
  for (const host of ["0.0.0.0", "[::]", "192.0.2.1", "api.example.org"]) {
    expect(warned(`listen = "${host}:8080"`)).toEqual([expect.stringContaining(`api.listen (${host}:8080)`)]);
    expect(warned(`listen = "${host}:8080"\nrate_limit_per_minute = 60`)).toEqual([]);
  }
  for (const host of ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"])
    expect(warned(`listen = "${host}:8080"`)).toEqual([]);
  const key = `[[api.keys]]\nname = "a"\nhash = "sha256:${"0".repeat(64)}"`;
  expect(warned(`listen = "0.0.0.0:8080"\nrequire_key = true\n${key}`)).toEqual([]);
});

it("half of what Chainlink needs gets a warning, whichever half it is", () => {
  const url = '[divergence.chainlink]\nrpc_url = "http://localhost:8545"\n';
  const feeds = `[divergence.chainlink.feeds]\n"BTC/USD" = "${FEED}"`;
  expect(load(feeds).warnings).toEqual([
    "divergence.chainlink.feeds are not read while divergence.chainlink.rpc_url is empty",
  ]);
  expect(load(url).warnings).toEqual([
    "divergence.chainlink.rpc_url is never asked while there are no divergence.chainlink.feeds",
  ]);
  expect(load(url + feeds).warnings).toEqual([]);
});

describe("the environment", () => {
  const SAMPLES: Record<string, [string, unknown]> = {
    "database.url": ["pglite:memory", "pglite:memory"],
    "database.max_connections": ["3", 3],
    "database.connect_timeout_seconds": ["1", 1],
    "database.query_timeout_seconds": ["60", 60],
    "database.breaker_failures": ["1", 1],
    "database.breaker_cooldown_seconds": ["1", 1],
    "database.timescaledb": ["off", "off"],
    "database.retention.trades": ["720h", 2_592_000],
    "database.retention.trades_1m": ["720h", 2_592_000],
    "database.retention.trades_1h": ["720h", 2_592_000],
    "redis.url": ["redis://h", "redis://h"],
    "redis.key_prefix": ["eu:", "eu:"],
    "api.listen": ["0.0.0.0:80", { host: "0.0.0.0", port: 80 }],
    "api.ops_listen": ["0.0.0.0:81", { host: "0.0.0.0", port: 81 }],
    "redis.breaker_failures": ["1", 1],
    "redis.breaker_cooldown_seconds": ["1", 1],
    "api.request_timeout_seconds": ["9", 9],
    "api.query_timeout_seconds": ["9", 9],
    "api.max_in_flight": ["1", 1],
    "api.rate_limit_per_minute": ["600", 600],
    "api.trusted_proxies": ["127.0.0.1,fd00::/8", ["127.0.0.1", "fd00::/8"]],
    "api.cors_origins": ["*,http://localhost:3000", ["*", "http://localhost:3000"]],
    "api.require_key": ["false", false],
    "api.keys": [
      `[{ name = "a", hash = "sha256:${"0".repeat(64)}" }]`,
      [{ name: "a", hash: `sha256:${"0".repeat(64)}` }],
    ],
    "api.price_freshness_seconds": ["60", 60],
    "log.level": ["silent", "silent"],
    "aggregate.pairs": ["XLM/USD, native/EUR", [parsePair("XLM/USD"), parsePair("native/EUR")]],
    "aggregate.windows": ["1h,60s", [60, 3600]],
    "aggregate.interval_seconds": [" 15 ", 15],
    "aggregate.bucket_seconds": ["10", 10],
    "aggregate.settle_seconds": ["0", 0],
    "aggregate.vwap_window_seconds": ["600", 600],
    "aggregate.twap_window_seconds": ["600", 600],
    "aggregate.disable_class_filter": ["true", true],
    "aggregate.enable_stablecoin_fiat_proxy": ["true", true],
    "aggregate.outlier_method": ["mad", "mad"],
    "aggregate.outlier_sigma_threshold": ["2.5", 2.5],
    "aggregate.outlier_max_dropped_share": ["0.25", 0.25],
    "aggregate.venue_deviation_pct": ["0.5", 0.5],
    "aggregate.max_source_share": ["1", 1],
    "aggregate.min_usd_volume": ["1e3", 1000],
    "aggregate.min_usd_volume_unknown": ["publish", "publish"],
    "aggregate.min_sources": ["2", 2],
    "aggregate.guard_factor": ["1.5", 1.5],
    "aggregate.guard_confirmations": ["3", 3],
    "aggregate.guard_hold_seconds": ["0", 0],
    "aggregate.peg_tolerance_pct": ["0.5", 0.5],
    "aggregate.twap_carry_seconds": ["604800", 604_800],
    "aggregate.precompute_twap": ["true", true],
    "aggregate.triangulation_enabled": ["false", false],
    "aggregate.route_deviation_pct": ["0", 0],
    "aggregate.max_hops": ["4", 4],
    "aggregate.max_trades_per_window": ["1", 1],
    "aggregate.concurrency": ["1", 1],
    "aggregate.replicas": ["shared", "shared"],
    "aggregate.ops_listen": ["[::]:9101", { host: "::", port: 9101 }],
    "aggregate.stellar_network": ["testnet", "testnet"],
    "aggregate.aliases": ["{ native = [] }", new Map([["native", []]])],
    "aggregate.pegs": ['{ GUSD = "USD" }', new Map([["crypto:GUSD", "fiat:USD"]])],
    "aggregate.triangulations": [
      '[{ target = "BTC/XLM", legs = ["BTC/USD", "XLM/USD"] }]',
      [{ target: parsePair("BTC/XLM"), legs: [parsePair("BTC/USD"), parsePair("XLM/USD")] }],
    ],
    "divergence.min_interval_seconds": ["60", 60],
    "divergence.threshold_pct": ["0.1", 0.1],
    "divergence.min_references": ["1", 1],
    "divergence.max_age_seconds": ["604800", 604_800],
    "divergence.timeout_ms": ["100", 100],
    "divergence.stored_sources": ["false", false],
    "divergence.coingecko.enabled": ["true", true],
    "divergence.coingecko.url": ["http://localhost:80/v3", "http://localhost:80/v3"],
    "divergence.coingecko.api_key": ["12345", "12345"],
    "divergence.coingecko.requests_per_minute": ["30", 30],
    "divergence.coingecko.ids": [
      '{ "crypto:XLM" = "lumens", BTC = "", ETH = "" }',
      new Map([["crypto:XLM", "lumens"]]),
    ],
    "divergence.chainlink.rpc_url": ["https://h/v3/key?x=1", "https://h/v3/key?x=1"],
    "divergence.chainlink.requests_per_minute": ["1000", 1000],
    "divergence.chainlink.feeds": [`{ "BTC/USD" = "${FEED}" }`, [{ pair: parsePair("BTC/USD"), address: FEED }]],
    sources: ['[{ name = "sdex", weight = 50 }]', [{ name: "sdex", weight: 50 }]],
  };

  it.each(CONFIG_KEYS.map((key) => [key.variable, key] as const))("overrides by %s", (variable, key) => {
    const [text, value] = SAMPLES[key.dotted] ?? [];
    const { config, origins, warnings } = loadConfig({ file: EXAMPLE.pathname, env: { [variable]: text } });
    expect(key.path.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], config)).toEqual(value);
    expect(origins.get(key.dotted)).toEqual({ from: "variable", variable });
    expect(warnings.join()).not.toContain(variable);
  });

  it("has names that a reader can guess", () => {
    const names = CONFIG_KEYS.map(({ variable }) => variable);
    expect(names).toContain("STELLARINDEX_AGGREGATE_INTERVAL_SECONDS");
    expect(names).toContain("STELLARINDEX_DATABASE_RETENTION_TRADES");
    expect(names).toContain("STELLARINDEX_SOURCES");
    expect(names).toContain("STELLARINDEX_AGGREGATE_TRIANGULATIONS");
    expect(new Set(names).size).toBe(names.length);
  });

  it("replaces a table as a whole, and says so entry by entry", () => {
    const { origins } = load('[aggregate.pegs]\nGUSD = "USD"', { STELLARINDEX_AGGREGATE_PEGS: '{ RLUSD = "USD" }' });
    expect([...origins.keys()].filter((key) => key.startsWith("aggregate.pegs."))).toEqual([
      'aggregate.pegs."crypto:RLUSD"',
    ]);
    expect(origins.get("aggregate.aliases.native")).toEqual({ from: "default" });
    const feeds = { STELLARINDEX_DIVERGENCE_CHAINLINK_FEEDS: `{ "BTC/USD" = "${FEED}" }` };
    expect(load("", feeds).origins.get('divergence.chainlink.feeds."crypto:BTC/fiat:USD"')).toEqual({
      from: "variable",
      variable: "STELLARINDEX_DIVERGENCE_CHAINLINK_FEEDS",
    });
  });

  it("takes a list with commas and in TOML", () => {
    const pairs = ["XLM/USD", "native/EUR"].map(parsePair);
    for (const text of ["XLM/USD,native/EUR", '["XLM/USD", "native/EUR"]', " ['XLM/USD','native/EUR',] "]) {
      expect(load("", { STELLARINDEX_AGGREGATE_PAIRS: text }).config.aggregate.pairs).toEqual(pairs);
    }
    expect(problemsOf("", { STELLARINDEX_AGGREGATE_PAIRS: "[XLM/USD]" })).toMatchObject([
      {
        where: "STELLARINDEX_AGGREGATE_PAIRS",
        key: "aggregate.pairs",
        wrong: expect.stringContaining("line 1, column 3"),
      },
    ]);
  });

  it("is told of quotes that nobody took off", () => {
    const env = {
      STELLARINDEX_DATABASE_URL: '"postgres://u:hunter2@h/db"',
      STELLARINDEX_API_MAX_IN_FLIGHT: "'5'",
      STELLARINDEX_AGGREGATE_PAIRS: '"XLM/USD","BTC/USD"',
    };
    expect(problemsOf("", env)).toEqual(
      Object.keys(env).map((where) => expect.objectContaining({ where, right: "the value without quotes" })),
    );
  });

  it("rounds no whole number", () => {
    const refused = { STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: "9007199254740993", STELLARINDEX_LOG_LEVEL: "loud" };
    expect(problemsOf("", refused)).toMatchObject([
      {
        key: "aggregate.min_usd_volume",
        wrong: expect.stringContaining("53 bits"),
        right: expect.stringContaining("to 9007"),
      },
      { key: "log.level" },
    ]);
  });

  it("counts an empty variable as not set", () => {
    expect(loadConfig({ env: { STELLARINDEX_LOG_LEVEL: "" } }).origins.get("log.level")).toEqual({ from: "default" });
  });

  it("warns of a variable that is no key, and only warns", () => {
    const { warnings } = loadConfig({
      env: {
        STELLARINDEX_PORT: "tcp://10.0.0.1:80",
        STELLARINDEX_LOG_LEVL: "x",
        stellarindex_log_level: "x",
        STELLARINDEX_TEST_DATABASE: "x",
        HOME: "/",
      },
    });
    expect(warnings).toEqual([
      "STELLARINDEX_LOG_LEVL is no key of the configuration and is ignored; STELLARINDEX_LOG_LEVEL is one",
      "STELLARINDEX_PORT is no key of the configuration and is ignored",
      "stellarindex_log_level is no key of the configuration and is ignored; STELLARINDEX_LOG_LEVEL is one",
    ]);
  });

  it.each([
    ["STELLARINDEX_AGGREGATE_INTERVAL_SECONDS", "soon", 'is the text "soon"'],
    ["STELLARINDEX_AGGREGATE_DISABLE_CLASS_FILTER", "yes", 'is the text "yes"'],
    ["STELLARINDEX_AGGREGATE_WINDOWS", "5m,1 h", '"1 h" is not a duration, such as 90s, 5m, 1h30m or 24h'],
    ["STELLARINDEX_SOURCES", "[{]", "line 1, column 4: "],
    ["STELLARINDEX_AGGREGATE_PEGS", '{}\nnative = "USD"', "goes on after the value"],
    ["STELLARINDEX_AGGREGATE_ALIASES", "5", "is 5"],
    ["STELLARINDEX_AGGREGATE_TRIANGULATIONS", '[{ target = "XLM/EUR", legs = [] }]', "has 0 entries"],
    ["STELLARINDEX_DIVERGENCE_CHAINLINK_RPC_URL", "h:8545/key", "is no HTTP URL that can be asked"],
  ])("is to blame for a wrong value of %s", (variable, text, wrong) => {
    const [problem, ...others] = problemsOf("", { [variable]: text });
    expect(others).toEqual([]);
    expect(problem?.where).toBe(variable);
    expect(problem?.wrong).toContain(wrong);
  });
});

describe("separate daemons", () => {
  it("need stores that they share", () => {
    const memory = loadConfig({ env: { STELLARINDEX_DATABASE_URL: "pglite:memory" } }).config;
    expect(() => refuseUnsharedStores(memory)).toThrow(ConfigError);
    expect(() => refuseUnsharedStores(memory)).toThrow(
      /database\.url: pglite:memory.*\n.*redis\.url: memory:.*redis:\/\//,
    );
    const shared = loadConfig({ env: { STELLARINDEX_REDIS_URL: "redis://h" } }).config;
    expect(() => refuseUnsharedStores(shared)).not.toThrow();
  });
});
