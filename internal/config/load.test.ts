import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { formatPair, parsePair } from "../canonical/pair.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../policy/policy.ts";
import { load, problemsOf } from "./config.testing.ts";
import { loadConfig } from "./load.ts";
import { ConfigError } from "./problems.ts";
import { publishedPairs } from "./published-pairs.ts";
import { type Config, policySettings } from "./schema.ts";
import { refuseUnsharedStores } from "./shared-stores.ts";

const EXAMPLE = new URL("../../config.example.toml", import.meta.url);
const defaults = loadConfig({ env: {} });

describe("the defaults", () => {
  it("apply without a file", () => {
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
      control: {
        listen: { host: "127.0.0.1", port: 8090 },
        ops_listen: { host: "127.0.0.1", port: 9103 },
        request_timeout_seconds: 10,
        max_in_flight: 256,
        artifacts: "stellarindex-artifacts",
        keep_ended_days: 30,
        fx_url: "https://www.ecb.europa.eu/stats/eurofxref/",
        schedules: [],
        keys: [],
      },
      gateway: {
        listen: { host: "127.0.0.1", port: 8070 },
        ops_listen: { host: "127.0.0.1", port: 9104 },
        request_timeout_seconds: 300,
        max_in_flight: 1024,
        journal: "stellarindex-journal",
        journal_max_mb: 1024,
        quarantine_max_mb: 64,
        quarantine_max_age: 2_592_000,
        keys: [],
      },
      deliver: {
        ops_listen: { host: "127.0.0.1", port: 9106 },
        archive: "",
        archive_endpoint: "",
        archive_region: "us-east-1",
        archive_after: 604_800,
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
      collect: { endpoints: [], coingecko_key: "" },
      feeds: [],
      deliveries: [],
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

  it("equal the values of the example file, key by key", () => {
    const file = EXAMPLE.pathname;
    const example = loadConfig({ file, env: {} });
    expect(example.config).toEqual(defaults.config);
    const unsaid = [...example.origins].filter(([, origin]) => origin.from === "default").map(([key]) => key);
    expect(unsaid).toEqual([
      ...["api.keys", "control.schedules", "control.keys", "gateway.keys", "collect.endpoints"],
      ...["aggregate.triangulations", "sources"],
      "feeds",
      "deliveries",
    ]);
    const text = readFileSync(EXAMPLE, "utf8");
    for (const key of ["target", "legs", "name", "class", "subclass", "include_in_vwap", "weight"]) {
      expect(text).toMatch(new RegExp(`^# ${key} = `, "m"));
    }
  });

  it("have commented examples that load when uncommented", () => {
    const text = readFileSync(EXAMPLE, "utf8");
    const uncommented = text.replace(
      /^# (?=(?:\[\[|[a-z_]+ = |"crypto:GUSD|USDC-G|"(?:BTC|ETH)\/USD" = |\[deliveries\.|"\/kind" = |mutation| {2}createItem|\}"""))/gm,
      "",
    );
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
      {
        name: "wallet-app",
        hash: `sha256:${"0".repeat(64)}`,
        scopes: ["prices:read"],
        rate_limit_per_minute: 6000,
      },
    ]);
    expect(config.sources).toEqual([
      { name: "gemini", class: "exchange", subclass: "cex", include_in_vwap: true, weight: 100 },
    ]);
    expect(config.deliveries.map(({ name, where }) => [name, where.length])).toEqual([
      ["prices-hook", 0],
      ["items", 1],
    ]);
  });

  it("give the default policy", () => {
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
  ])("give a different policy than %j", (text) => {
    const idOf = (config: Config): string => makePolicy(policySettings(config)).id;
    expect(idOf(load(text).config)).not.toBe(idOf(defaults.config));
  });
});

describe("a file", () => {
  it("is named by STELLARINDEX_CONFIG if no option names one", () => {
    expect(loadConfig({ env: { STELLARINDEX_CONFIG: EXAMPLE.pathname } }).file).toBe(EXAMPLE.pathname);
    expect(loadConfig({ env: { STELLARINDEX_CONFIG: "" } }).file).toBe(null);
  });

  it("that is missing is refused with its name and the fix", () => {
    expect(() => loadConfig({ file: "/nowhere/stellarindex.toml", env: {} })).toThrow(
      "/nowhere/stellarindex.toml: does not exist; expected a copy of config.example.toml at this path, or no --config",
    );
    expect(() => loadConfig({ file: "/", env: {} })).toThrow("/: is not a regular file");
  });

  it("that is not TOML is refused with line and column, without quoting the line", () => {
    const [problem, ...others] = problemsOf('[redis]\nurl = "redis://:hunter2@h" x\n');
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ key: "", wrong: expect.stringMatching(/^line 2, column 28: /) });
    expect(JSON.stringify(problem)).not.toContain("hunter2");
  });

  it("that is not text is refused as such, not as TOML with an invalid character", () => {
    expect(problemsOf("[log]\n\0\0")).toMatchObject([
      { key: "", wrong: "is not UTF-8 text", right: "TOML, saved as UTF-8" },
    ]);
  });

  it("may start with a byte order mark", () => {
    expect(load('\uFEFF[log]\nlevel = "debug"').config.log.level).toBe("debug");
  });

  it("gets its windows sorted, without duplicates", () => {
    const { aggregate } = load('[aggregate]\npairs = ["native/EURC"]\nwindows = ["1h", "90s", "60m"]').config;
    expect(aggregate.windows).toEqual([90, 3600]);
    expect(aggregate.pairs).toEqual([parsePair("native/crypto:EURC")]);
  });

  it("adds to the default aliases, key by key", () => {
    const added = load('[aggregate.aliases]\nBTC = ["XBT"]').config.aggregate.aliases;
    expect(added).toEqual(new Map(Object.entries({ native: ["crypto:XLM"], "crypto:BTC": ["crypto:XBT"] })));
    expect(load("[aggregate.aliases]\nnative = []").config.aggregate.aliases).toEqual(new Map([["native", []]]));
  });

  it("adds to the default CoinGecko ids key by key, and removes those that are empty", () => {
    const { ids } = load('[divergence.coingecko.ids]\nAQUA = "aquarius"\nETH = ""\nBTC = "wrapped-bitcoin"').config
      .divergence.coingecko;
    expect(Object.fromEntries(ids)).toEqual({
      "crypto:XLM": "stellar",
      "crypto:BTC": "wrapped-bitcoin",
      "crypto:AQUA": "aquarius",
    });
  });

  it("publishes the targets of its chains after the pairs, each market once", () => {
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

  it("may have the maximum number of chains", () => {
    const names = Array.from({ length: 1000 }, (_, index) => `A${index}`);
    const chains = names.map((name) => `{ target = "${name}/EUR", legs = ["${name}/USD", "EUR/USD"] }`);
    const { config } = load(`[aggregate]\ntriangulations = [${chains.join(", ")}]`);
    expect(publishedPairs(config)).toHaveLength(1009);
  });

  it("accepts IPv6 and named listen addresses", () => {
    const { api } = load('[api]\nlisten = "[::1]:80"\nops_listen = "localhost:0"').config;
    expect(api.listen).toEqual({ host: "::1", port: 80 });
    expect(api.ops_listen).toEqual({ host: "localhost", port: 0 });
  });

  it.each([
    "postgres://u:p@h/db",
    "postgresql://a:1,b:2/db",
    "postgres:///db?host=/run",
    "pglite:d",
    "pglite:memory",
    "pglite:./~",
    "pglite:///d",
    "pglite:./memory",
  ])("accepts the database URL %s", (url) => expect(load(`[database]\nurl = "${url}"`).config.database.url).toBe(url));

  it.each(["redis://h", "rediss://u:p@h:1/2", "redis://[::1]:6379/0", "memory:"])("accepts the Redis URL %s", (url) =>
    expect(load(`[redis]\nurl = "${url}"`).config.redis.url).toBe(url),
  );

  it("gets a warning if the retention of a table is too short", () => {
    const { warnings } = load('[database.retention]\ntrades = "23h"\ntrades_1m = "24h"');
    expect(warnings).toEqual([
      "database.retention.trades (23h) is shorter than the longest window (24h), which then has no value. Raise it, or set 0 to keep the rows for ever",
      "database.retention.trades (23h) is shorter than 168h, the maximum age of an exchange rate to USD; a pair in another currency gets no value where the rate is older than what is kept. Raise it, or set 0 to keep the rows for ever",
    ]);
    const inDollars = load('[database.retention]\ntrades = "48h"\n[aggregate]\npairs = ["XLM/USD"]');
    expect(inDollars.warnings).toEqual([]);
    const hours = '[aggregate]\npairs = ["XLM/USD"]\n[database.retention]\ntrades_1h';
    expect(load(`${hours} = "767h"`).warnings).toEqual([
      "database.retention.trades_1h (767h) is shorter than the 768h in which the guard searches for the last five hours with trades; pairs with fewer such hours in what is kept get no value. Raise it, or set 0 to keep the rows for ever",
    ]);
    expect(load(`${hours} = "768h"`).warnings).toEqual([]);
    expect(load(`${hours} = "48h"`, { STELLARINDEX_AGGREGATE_GUARD_FACTOR: "0" }).warnings).toEqual([]);
  });
});

const FEED = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c";

it("warns of an API that other machines can query without a rate limit or keys", () => {
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

it("Chainlink feeds without a URL, and a URL without feeds, get a warning", () => {
  const url = '[divergence.chainlink]\nrpc_url = "http://localhost:8545"\n';
  const feeds = `[divergence.chainlink.feeds]\n"BTC/USD" = "${FEED}"`;
  expect(load(feeds).warnings).toEqual([
    "divergence.chainlink.feeds has no effect while divergence.chainlink.rpc_url is empty; set rpc_url",
  ]);
  expect(load(url).warnings).toEqual([
    "divergence.chainlink.rpc_url has no effect while divergence.chainlink.feeds is empty; add feeds",
  ]);
  expect(load(url + feeds).warnings).toEqual([]);
});

describe("separate daemons", () => {
  it("are refused stores that they cannot share", () => {
    const memory = loadConfig({ env: { STELLARINDEX_DATABASE_URL: "pglite:memory" } }).config;
    expect(() => refuseUnsharedStores(memory)).toThrow(ConfigError);
    expect(() => refuseUnsharedStores(memory)).toThrow(
      /database\.url: pglite:memory.*\n.*redis\.url: memory:.*redis:\/\//,
    );
    const shared = loadConfig({ env: { STELLARINDEX_REDIS_URL: "redis://h" } }).config;
    expect(() => refuseUnsharedStores(shared)).not.toThrow();
  });
});
