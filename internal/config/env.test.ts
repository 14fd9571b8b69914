import { describe, expect, it } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { load, problemsOf } from "./config.testing.ts";
import { CONFIG_KEYS } from "./keys.ts";
import { loadConfig } from "./load.ts";

const EXAMPLE = new URL("../../config.example.toml", import.meta.url);
const FEED = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c";

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
      [{ name: "a", hash: `sha256:${"0".repeat(64)}`, scopes: ["prices:read"] }],
    ],
    "api.price_freshness_seconds": ["60", 60],
    "control.listen": ["0.0.0.0:82", { host: "0.0.0.0", port: 82 }],
    "control.ops_listen": ["0.0.0.0:83", { host: "0.0.0.0", port: 83 }],
    "control.request_timeout_seconds": ["9", 9],
    "control.max_in_flight": ["1", 1],
    "control.keep_ended_days": ["7", 7],
    "control.artifacts": ["/var/lib/artifacts", "/var/lib/artifacts"],
    "control.fx_url": ["http://127.0.0.1:8080/", "http://127.0.0.1:8080/"],
    "control.schedules": [
      '[{ name = "prune", kind = "retention.prune", every = "1h" }]',
      [
        {
          name: "prune",
          kind: "retention.prune",
          payload: {},
          every: 3600,
          time_zone: "UTC",
          missed: "coalesce",
          overlap: "skip",
          jitter: 0,
        },
      ],
    ],
    "gateway.listen": ["0.0.0.0:84", { host: "0.0.0.0", port: 84 }],
    "gateway.ops_listen": ["0.0.0.0:85", { host: "0.0.0.0", port: 85 }],
    "gateway.request_timeout_seconds": ["60", 60],
    "gateway.max_in_flight": ["1", 1],
    "gateway.journal": ["/var/lib/journal", "/var/lib/journal"],
    "gateway.journal_max_mb": ["64", 64],
    "gateway.quarantine_max_mb": ["1", 1],
    "gateway.quarantine_max_age": ["1h", 3600],
    "gateway.keys": [
      `[{ name = "feed", hash = "sha256:${"2".repeat(64)}", sources = ["kraken"] }]`,
      [{ name: "feed", hash: `sha256:${"2".repeat(64)}`, scopes: ["trades:write"], sources: ["kraken"] }],
    ],
    "deliver.ops_listen": ["0.0.0.0:86", { host: "0.0.0.0", port: 86 }],
    "deliver.archive": ["s3://bucket/events", "s3://bucket/events"],
    "deliver.archive_endpoint": ["http://127.0.0.1:9000", "http://127.0.0.1:9000"],
    "deliver.archive_region": ["eu-central-1", "eu-central-1"],
    "deliver.archive_after": ["1h", 3600],
    "control.keys": [
      `[{ name = "a", hash = "sha256:${"0".repeat(64)}", scopes = ["jobs:work"] }]`,
      [{ name: "a", hash: `sha256:${"0".repeat(64)}`, tenant: "default", scopes: ["jobs:work"] }],
    ],
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
    "collect.endpoints": [
      '[{ source = "kraken", live = "ws://127.0.0.1:1", rest = "http://127.0.0.1:1" }]',
      [{ source: "kraken", live: "ws://127.0.0.1:1", rest: "http://127.0.0.1:1" }],
    ],
    "collect.coingecko_key": ["CG-hunter2", "CG-hunter2"],
    deliveries: [
      '[{ name = "a", type = "graphql", url = "https://h", query = "mutation { a }", variables = { b = { from = "/b" } } }]',
      [
        {
          ...loadConfig({
            env: {
              STELLARINDEX_DELIVERIES:
                '[{ name = "a", type = "graphql", url = "https://h", query = "mutation { a }" }]',
            },
          }).config.deliveries[0],
          variables: new Map([["b", { kind: "pointer", pointer: "/b", table: null, missing: { to: "fail" } }]]),
        },
      ],
    ],
    feeds: [
      '[{ source = "kraken", pair = "XLM/USD" }]',
      [{ source: "kraken", pair: { base: "crypto:XLM", quote: "fiat:USD" } }],
    ],
    sources: ['[{ name = "sdex", weight = 50 }]', [{ name: "sdex", weight: 50 }]],
  };

  it.each(CONFIG_KEYS.map((key) => [key.variable, key] as const))("overrides by %s", (variable, key) => {
    const [text, value] = SAMPLES[key.dotted] ?? [];
    const { config, origins, warnings } = loadConfig({ file: EXAMPLE.pathname, env: { [variable]: text } });
    expect(key.path.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], config)).toEqual(value);
    expect(origins.get(key.dotted)).toEqual({ from: "variable", variable });
    expect(warnings.join()).not.toContain(variable);
  });

  it("has unique names made of section and key", () => {
    const names = CONFIG_KEYS.map(({ variable }) => variable);
    expect(names).toContain("STELLARINDEX_AGGREGATE_INTERVAL_SECONDS");
    expect(names).toContain("STELLARINDEX_DATABASE_RETENTION_TRADES");
    expect(names).toContain("STELLARINDEX_SOURCES");
    expect(names).toContain("STELLARINDEX_AGGREGATE_TRIANGULATIONS");
    expect(new Set(names).size).toBe(names.length);
  });

  it("replaces a table as a whole, with the origin of each entry", () => {
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

  it("accepts a list with commas or in TOML", () => {
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

  it("reports values that are still in quotes", () => {
    const env = {
      STELLARINDEX_DATABASE_URL: '"postgres://u:hunter2@h/db"',
      STELLARINDEX_API_MAX_IN_FLIGHT: "'5'",
      STELLARINDEX_AGGREGATE_PAIRS: '"XLM/USD","BTC/USD"',
    };
    expect(problemsOf("", env)).toEqual(
      Object.keys(env).map((where) => expect.objectContaining({ where, right: "the value without quotes" })),
    );
  });

  it("refuses whole numbers that would be rounded", () => {
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

  it("treats an empty variable as unset", () => {
    expect(loadConfig({ env: { STELLARINDEX_LOG_LEVEL: "" } }).origins.get("log.level")).toEqual({ from: "default" });
  });

  it("only warns of a variable that is not a key", () => {
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
      "STELLARINDEX_LOG_LEVL is not a key of the configuration and is ignored; did you mean STELLARINDEX_LOG_LEVEL?",
      "STELLARINDEX_PORT is not a key of the configuration and is ignored",
      "stellarindex_log_level is not a key of the configuration and is ignored; did you mean STELLARINDEX_LOG_LEVEL?",
    ]);
  });

  it.each([
    ["STELLARINDEX_AGGREGATE_INTERVAL_SECONDS", "soon", 'is the text "soon"'],
    ["STELLARINDEX_AGGREGATE_DISABLE_CLASS_FILTER", "yes", 'is the text "yes"'],
    ["STELLARINDEX_AGGREGATE_WINDOWS", "5m,1 h", '"1 h" is not a duration, such as 90s, 5m, 1h30m or 24h'],
    ["STELLARINDEX_SOURCES", "[{]", "line 1, column 4: "],
    ["STELLARINDEX_AGGREGATE_PEGS", '{}\nnative = "USD"', "has more text after the value"],
    ["STELLARINDEX_AGGREGATE_ALIASES", "5", "is 5"],
    ["STELLARINDEX_AGGREGATE_TRIANGULATIONS", '[{ target = "XLM/EUR", legs = [] }]', "has 0 entries"],
    ["STELLARINDEX_DIVERGENCE_CHAINLINK_RPC_URL", "h:8545/key", "is not an HTTP URL for requests"],
  ])("is named as the place of a wrong value of %s", (variable, text, wrong) => {
    const [problem, ...others] = problemsOf("", { [variable]: text });
    expect(others).toEqual([]);
    expect(problem?.where).toBe(variable);
    expect(problem?.wrong).toContain(wrong);
  });
});
