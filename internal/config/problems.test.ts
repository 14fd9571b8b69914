import { describe, expect, it } from "vitest";
import { problemsOf } from "./config.testing.ts";
import { ConfigError, dotted } from "./problems.ts";

type Refused = [text: string, key: string, wrong: string, right: string];

const ADDRESS = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c";

function chain(text: string, key: string, wrong: string, right: string): Refused {
  return [`[[aggregate.triangulations]]\n${text}`, `aggregate.triangulations[0]${key}`, wrong, right];
}

function coin(text: string, key: string, wrong: string, right: string): Refused {
  return [`[divergence.coingecko.ids]\n${text}`, `divergence.coingecko.ids.${key}`, wrong, right];
}

function feed(text: string, key: string, wrong: string, right: string): Refused {
  return [`[divergence.chainlink.feeds]\n${text}`, `divergence.chainlink.feeds.${key}`, wrong, right];
}

const REFUSED: Refused[] = [
  ["[agregate]", "agregate", "is not a known key", "aggregate"],
  ["[database]\nmax_conections = 1", "database.max_conections", "is not a known key", "max_connections"],
  ["interval_seconds = 5", "interval_seconds", "is not a known key", "aggregate.interval_seconds"],
  ["[log]\ncolour = true", "log.colour", "is not a known key", "one of level"],
  ["log = 5", "log", "is 5", "a table, [log]"],
  ['[database]\nurl = "mysql://h/db"', "database.url", "is not a database URL", "postgres://"],
  ['[database]\nurl = "pglite:"', "database.url", "is not a database URL", "pglite:<directory>"],
  ['[database]\nurl = "pglite:~/data"', "database.url", "~, which is not expanded here", "the absolute path"],
  ['[database]\nurl = "pglite://data"', "database.url", "begins with //", "one / for an absolute path"],
  ['[database]\nurl = "pglite:pglite:data"', "database.url", "is a URL", "a directory, or the name"],
  ['[database]\nurl = "pglite:data "', "database.url", "leading or trailing blanks", "the directory alone"],
  ['[database]\nurl = "pglite::memory:"', "database.url", "looks like the database in memory", '"pglite:memory"'],
  ["[database]\nmax_connections = 0", "database.max_connections", "is 0", "from 1 to 1000"],
  ['[database]\nmax_connections = "5"', "database.max_connections", 'is the text "5"', "a whole number"],
  ['[database]\ntimescaledb = "on"', "database.timescaledb", 'is the text "on"', '"auto", "require" or "off"'],
  ['[database.retention]\ntrades = "1mo"', "database.retention.trades", '"1mo" is not a duration', '"720h"'],
  ['[database.retention]\ntrades = "1ms"', "database.retention.trades", "not in whole seconds", '"720h"'],
  ["[database.retention]\ntrades = 0", "database.retention.trades", "is 0", '"0" to keep for ever'],
  ['[redis]\nurl = "redis:///0"', "redis.url", "names no host", "redis://"],
  ['[redis]\nurl = "redis://u:p%zz@h"', "redis.url", "cannot be read", "redis://"],
  ['[database]\nurl = "postgres://u:p%zz@h/db"', "database.url", "is not a database URL", "postgres://"],
  ['[redis]\nurl = "redis://h/db"', "redis.url", "a database that is not a number", "redis://"],
  ['[redis]\nurl = "redis+sentinel://h:26379"', "redis.url", "names no primary", "redis+sentinel://"],
  [
    '[redis]\nurl = "redis+sentinel://h/p?password=x"',
    "redis.url",
    "other than sentinel_password",
    "redis+sentinel://",
  ],
  ['[redis]\nurl = "redis://:p@h?token=x"', "redis.url", "other than username, password, db", "redis://"],
  ['[redis]\nurl = "redis://hunter2@h"', "redis.url", "a user without a password", "redis://:PASSWORD@HOST"],
  ['[redis]\nurl = "http://h"', "redis.url", "has another scheme", "redis://"],
  [
    '[database]\nurl = "postgres://u:p@h/db?channel_binding=require"',
    "database.url",
    "of channel_binding",
    "verify-full",
  ],
  ['[database]\nurl = "postgres://u:p@h/db?sslmode=on"', "database.url", "an unknown sslmode", "verify-full"],
  ['[database]\nurl = "postgres://u:p/w@h/db"', "database.url", "is not a database URL", "%2F"],
  ['[redis]\nkey_prefix = "a b"', "redis.key_prefix", 'is the text "a b"', "without blanks"],
  ['[api]\nlisten = ":80"', "api.listen", '":80" is not host:port', "0.0.0.0:8080"],
  ['[api]\nlisten = "::1:80"', "api.listen", "is not host:port", "[::1]:8080"],
  ['[api]\nlisten = "1.2.3:80"', "api.listen", "is not host:port", "host:port"],
  ['[api]\nlisten = "h:65536"', "api.listen", "is not host:port", "host:port"],
  ['[api]\nops_listen = "127.0.0.1:8080"', "api.ops_listen", "is also the address of api.listen", "another address"],
  [
    '[deliver]\narchive = "s3://Bucket"',
    "deliver.archive",
    "is neither a directory nor a bucket",
    "s3://bucket/prefix",
  ],
  ['[deliver]\narchive = "https://h/b"', "deliver.archive", "is neither a directory nor a bucket", "s3://bucket"],
  ['[deliver]\narchive_endpoint = "h:9000"', "deliver.archive_endpoint", "is not an http or https URL", "https://"],
  ['[deliver]\narchive_endpoint = "https://u:p@h"', "deliver.archive_endpoint", "is not an http", "without user"],
  ['[deliver]\narchive_region = "EU"', "deliver.archive_region", 'is the text "EU"', "eu-central-1"],
  ['[deliver]\narchive_after = "5s"', "deliver.archive_after", "is not between a minute and ten years", "7d"],
  ["[api]\nquery_timeout_seconds = 10", "api.query_timeout_seconds", "not less than request_timeout", "fewer seconds"],
  [
    "[api]\nrequire_key = true",
    "api.require_key",
    "while no [[api.keys]] are configured",
    "at least one [[api.keys]] table",
  ],
  ['[api]\ntrusted_proxies = ["10.0.0.0/33"]', "api.trusted_proxies[0]", "not an IP address or range", "10.0.0.0/8"],
  ['[api]\ncors_origins = ["https://example.org/"]', "api.cors_origins[0]", "is not an origin", "https://example.org"],
  [
    `[[api.keys]]\nname = "a"\nhash = "sha256:${"0".repeat(64)}"\nscopes = ["prices:read", "trades:print"]`,
    "api.keys[0].scopes[1]",
    'is the text "trades:print"',
    'one of "prices:read"',
  ],
  [
    `[[api.keys]]\nname = "a"\nhash = "sha256:${"0".repeat(64)}"\nscopes = []`,
    "api.keys[0].scopes",
    "has 0 entries",
    'a list of at least one of "prices:read"',
  ],
  ['[[api.keys]]\nname = "a"\nhash = "a"', "api.keys[0].hash", 'is the text "a"', "64 hex digits"],
  ["[redis]\nbreaker_failures = 0", "redis.breaker_failures", "is 0", "from 1 to 1000"],
  ["[aggregate]\nreplicas = 2", "aggregate.replicas", "is 2", '"shared"'],
  ["[api]\nprice_freshness_seconds = 1979-05-27", "api.price_freshness_seconds", "is a date", "a whole number"],
  ['[log]\nlevel = "loud"', "log.level", 'is the text "loud"', "one of trace, debug"],
  ['[aggregate]\npairs = ["XLM"]', "aggregate.pairs[0]", 'pair "XLM" is not base/quote', '["XLM/USD"'],
  ['[aggregate]\npairs = ["XLM/USD", "native/fiat:XX"]', "aggregate.pairs[1]", "ISO 4217", '["XLM/USD"'],
  ['[aggregate]\npairs = "XLM/USD"', "aggregate.pairs", 'is the text "XLM/USD"', "a list"],
  ['[aggregate]\npairs = ["XLM/USD", "native/USD"]', "aggregate.pairs[1]", "the same market", "each market only once"],
  ['[aggregate]\npairs = ["XLM/native"]', "aggregate.pairs[0]", "one asset on both sides", "two different assets"],
  ['[aggregate]\nwindows = ["5"]', "aggregate.windows[0]", '"5" is not a duration', '["5m", "24h"]'],
  ['[aggregate]\nwindows = ["745h"]', "aggregate.windows[0]", "longer than 31 days", "744h"],
  ['[aggregate]\nwindows = ["0"]', "aggregate.windows[0]", "shorter than 1s", "1s"],
  ['[aggregate]\nwindows = ["50s"]', "aggregate.windows", '"50s" is not a multiple of bucket_seconds (15)', '"1m"'],
  ['[aggregate]\nwindows = ["15s"]', "aggregate.windows", '"15s" is shorter than interval_seconds (30)', '"30s"'],
  ["[aggregate]\nvwap_window_seconds = 301", "aggregate.vwap_window_seconds", "not a multiple", "315"],
  ["[aggregate]\ntwap_window_seconds = 15", "aggregate.twap_window_seconds", "is shorter", "at least 30"],
  ["[aggregate]\ninterval_seconds = 40", "aggregate.interval_seconds", "40 is not a multiple", "45"],
  ["[aggregate]\nbucket_seconds = 1.5", "aggregate.bucket_seconds", "is 1.5", "a whole number"],
  ["[aggregate]\nsettle_seconds = -1", "aggregate.settle_seconds", "is -1", "from 0"],
  ["[aggregate]\noutlier_sigma_threshold = -0.5", "aggregate.outlier_sigma_threshold", "is -0.5", "from 0 (off)"],
  ["[aggregate]\noutlier_sigma_threshold = nan", "aggregate.outlier_sigma_threshold", "is NaN", "a number"],
  ['[aggregate]\noutlier_method = "iqr"', "aggregate.outlier_method", 'is the text "iqr"', '"sigma" or "mad"'],
  ["[aggregate]\nvenue_deviation_pct = 1000.5", "aggregate.venue_deviation_pct", "is 1000.5", "from 0 (off) to 1000"],
  ["[aggregate]\nmax_source_share = 50", "aggregate.max_source_share", "is 50", "to 1, such as 0.5"],
  ["[aggregate]\nmax_hops = 5", "aggregate.max_hops", "is 5", "from 2 to 4"],
  ["[aggregate]\nmax_hops = 1", "aggregate.max_hops", "is 1", "from 2 to 4"],
  ["[aggregate]\nmin_usd_volume = inf", "aggregate.min_usd_volume", "is Infinity", "US dollars"],
  ['[aggregate]\nmin_usd_volume_unknown = "hide"', "aggregate.min_usd_volume_unknown", "hide", '"publish" or "refuse"'],
  ['[aggregate]\nstellar_network = "pubnet"', "aggregate.stellar_network", "nor a passphrase", '"public", "testnet"'],
  ["[aggregate]\nguard_factor = 0.5", "aggregate.guard_factor", "neither 0 nor above 1", "0 (off)"],
  ["[aggregate]\ndisable_class_filter = 1", "aggregate.disable_class_filter", "is 1", "true or false"],
  ['[aggregate.aliases]\nXLM = "native"', "aggregate.aliases.XLM", 'is the text "native"', "a list"],
  ['[aggregate.aliases]\nXLM = ["?"]', "aggregate.aliases.XLM[0]", 'asset "?"', "a table"],
  ['[aggregate.aliases]\n"x:y" = []', 'aggregate.aliases."x:y"', "an unknown prefix", "a table"],
  ['[aggregate.aliases]\nA = []\n"crypto:A" = []', 'aggregate.aliases."crypto:A"', "a second time", "a table"],
  ['[aggregate.aliases]\nJPY = ["CHF"]', "aggregate.aliases", "fiat:CHF and fiat:JPY become", "at most one currency"],
  [
    '[aggregate.aliases]\nUSDC = ["EURC"]',
    "aggregate.aliases",
    "stands for fiat:EUR and fiat:USD",
    "at most one currency",
  ],
  ['[aggregate.aliases]\nA = ["B"]\nB = ["EUR"]\n[aggregate.pegs]\nA = "USD"', "aggregate.aliases", "at once", "one"],
  ['[aggregate.pegs]\nA = "BTC"', "aggregate.pegs.A", "crypto:BTC is not a currency", '"crypto:GUSD" = "USD"'],
  ['[aggregate.pegs]\nEUR = "USD"', "aggregate.pegs.EUR", "is a currency, which cannot be pegged", "a table"],
  ["[aggregate.pegs]\nA = 1", "aggregate.pegs.A", "is 1", "a table"],
  chain('target = "XLM"\nlegs = ["XLM/USD", "EUR/USD"]', ".target", 'pair "XLM" is not base/quote', "XLM/EUR"),
  chain('target = "XLM/XLM"\nlegs = ["XLM/USD", "EUR/USD"]', ".target", "one asset on both sides", "XLM/EUR"),
  chain('target = "native/XLM"\nlegs = ["XLM/USD", "EUR/USD"]', ".target", "on both sides", "two different assets"),
  chain('legs = ["XLM/USD", "EUR/USD"]', ".target", "is missing", "the pair to publish"),
  chain('target = "XLM/EUR"', ".legs", "is missing", '["XLM/USD", "EUR/USD"]'),
  chain('target = "XLM/EUR"\nlegs = ["XLM/EUR"]', ".legs", "has 1 entry", "2 to 8 pairs"),
  chain('target = "XLM/EUR"\nlegs = ["XLM/USD", "EUR"]', ".legs[1]", 'pair "EUR" is not base/quote', "2 to 8 pairs"),
  chain('target = "XLM/EUR"\nlegs = ["XLM/USD", "EUR/USD"]\nhops = 2', ".hops", "is not a known key", "target, legs"),
  chain(
    'target = "XLM/EUR"\nlegs = ["native/USD", "EUR/GBP"]',
    "",
    "leg fiat:EUR/fiat:GBP does not contain fiat:USD, where it has to start",
    "legs that lead from crypto:XLM to fiat:EUR; each starts, in either direction, at the asset where the previous one ends",
  ),
  chain('target = "XLM/EUR"\nlegs = ["XLM/USD", "GBP/USD"]', "", "end at fiat:GBP, not at fiat:EUR", "legs that lead"),
  chain('target = "XLM/EUR"\nlegs = ["XLM/USD", "USD/native"]', "", "returns to", "legs that lead"),
  [
    ["XLM/EUR", "native/EUR"]
      .map((target) => `[[aggregate.triangulations]]\ntarget = "${target}"\nlegs = ["XLM/USD", "EUR/USD"]`)
      .join("\n"),
    "aggregate.triangulations[1].target",
    "native/fiat:EUR is the same market as crypto:XLM/fiat:EUR",
    "one chain for each market",
  ],
  ["[aggregate]\ntriangulations = {}", "aggregate.triangulations", "is a table", "[[aggregate.triangulations]]"],
  ['[aggregate]\npairs = ["xlm/usd"]', "aggregate.pairs[0]", "did you mean XLM?", '["XLM/USD"'],
  ['[aggregate]\npairs = ["XLM/Usd"]', "aggregate.pairs[0]", "did you mean USD?", '["XLM/USD"'],
  ['[aggregate]\npairs = ["NATIVE/USD"]', "aggregate.pairs[0]", "did you mean native?", '["XLM/USD"'],
  ['[aggregate.aliases]\nnative = ["xlm"]', "aggregate.aliases.native[0]", "did you mean XLM?", "a table"],
  ['[aggregate.pegs]\nFOO = "usd"', "aggregate.pegs.FOO", "did you mean USD?", "a table"],
  coin('btc = "bitcoin"', "btc", "did you mean BTC?", "a table"),
  feed(`"BTC/usd" = "${ADDRESS}"`, '"BTC/usd"', "did you mean USD?", "a table"),
  chain('target = "xlm/EUR"\nlegs = ["XLM/USD", "EUR/USD"]', ".target", "did you mean XLM?", "XLM/EUR"),
  [
    '[aggregate]\npairs = ["FOO/USD", "foo/EUR"]',
    "aggregate.pairs[1]",
    "from crypto:FOO only in case",
    "the spelling crypto:FOO or crypto:foo",
  ],
  [
    '[aggregate]\npairs = ["FOO/USD"]\n[aggregate.aliases]\nBAR = ["Foo"]',
    'aggregate.aliases."crypto:BAR"',
    "crypto:Foo differs from crypto:FOO only in case, and the configuration names both",
    "the spelling crypto:FOO or crypto:",
  ],
  [
    '[aggregate]\npairs = ["FOO/USD"]\n[aggregate.pegs]\nfoo = "USD"',
    'aggregate.pegs."crypto:foo"',
    "crypto:foo differs from crypto:FOO only in case, and the configuration names both",
    "the spelling crypto:FOO or crypto:",
  ],
  [
    '[aggregate]\npairs = ["FOO/USD"]\n[divergence.coingecko.ids]\nfoo = "foo"',
    'divergence.coingecko.ids."crypto:foo"',
    "crypto:foo differs from crypto:FOO only in case, and the configuration names both",
    "the spelling crypto:FOO or crypto:",
  ],
  ['[database]\nurl = "postgres://h/db\\n"', "database.url", "contains a line end", "postgres://"],
  ['[database]\nurl = "pglite:d\\r"', "database.url", "contains a line end", "pglite:<directory>"],
  ['[redis]\nurl = "redis://h\\n/1"', "redis.url", "contains a line end", "redis://"],
  [
    '[aggregate]\nstellar_network = "My Network "',
    "aggregate.stellar_network",
    "nor a passphrase",
    '"public", "testnet"',
  ],
  ['[aggregate]\nstellar_network = "My Network\\n"', "aggregate.stellar_network", "nor a passphrase", '"public"'],
  ["[log]\nlevel = 99999999999999999999", "", "more than 53 bits", "9007199254740991"],
  ["[aggregate.pegs]\nconstructor = 'USD'", "", "constructor is not a known key", "a key of config.example.toml"],
  ["[divergence]\nmin_interval_seconds = 0", "divergence.min_interval_seconds", "is 0", "from 1 to 86400"],
  ["[divergence]\nthreshold_pct = 0", "divergence.threshold_pct", "is 0", "above 0, at most 1000"],
  ["[divergence]\nthreshold_pct = 1001", "divergence.threshold_pct", "is 1001", "above 0, at most 1000"],
  ["[divergence]\nmin_references = 101", "divergence.min_references", "is 101", "from 1 to 100"],
  ["[divergence]\nmax_age_seconds = 604801", "divergence.max_age_seconds", "is 604801", "from 1 to 604800"],
  ["[divergence]\ntimeout_ms = 99", "divergence.timeout_ms", "is 99", "from 100 to 60000"],
  ["[divergence]\nstored_sources = 1", "divergence.stored_sources", "is 1", "true or false"],
  ["[divergence.coingeko]", "divergence.coingeko", "is not a known key", "coingecko"],
  ...["api.coingecko.com", "ftp://h", "https://", "https://u:p@h", "https://h/v3?key=x", "https://h /v3"].map(
    (url): Refused => [
      `[divergence.coingecko]\nurl = "${url}"`,
      "divergence.coingecko.url",
      "is not an HTTP URL for requests",
      "an http:// or https:// URL without user, password and query",
    ],
  ),
  ["[divergence.coingecko]\nrequests_per_minute = 0", "divergence.coingecko.requests_per_minute", "is 0", "from 1"],
  ['[divergence.coingecko]\nids = "stellar"', "divergence.coingecko.ids", "is the text", "a table of at most 1000"],
  coin('XLM = "Stellar Lumens"', "XLM", '"Stellar Lumens" is not a CoinGecko id', 'XLM = "stellar"'),
  coin("XLM = 512", "XLM", "is 512", 'XLM = "stellar"'),
  coin('"x:y" = "z"', '"x:y"', "an unknown prefix", "a table"),
  coin('A = "a"\n"crypto:A" = "b"', '"crypto:A"', "names crypto:A a second time", "a table"),
  [
    '[divergence.chainlink]\nrpc_url = "wss://h"',
    "divergence.chainlink.rpc_url",
    "is not an HTTP URL for requests",
    'an http:// or https:// URL without user and password, or ""',
  ],
  ["[divergence.chainlink]\nrequests_per_minute = 1001", "divergence.chainlink.requests_per_minute", "1001", "to 1000"],
  feed('"BTC/USD" = "0xF403"', '"BTC/USD"', '"0xF403" is not the address of a contract', "0x and 40 hex digits"),
  feed('"BTC/USD" = 0xF403', '"BTC/USD"', "is 62467", "0x and 40 hex digits"),
  feed(`BTC = "${ADDRESS}"`, "BTC", 'pair "BTC" is not base/quote', "a table of at most 1000 pairs"),
  feed(
    `"BTC/USD" = "${ADDRESS}"\n"crypto:BTC/USD" = "${ADDRESS}"`,
    '"crypto:BTC/USD"',
    "names crypto:BTC/fiat:USD a second time",
    "a table of at most 1000 pairs",
  ),
  ['[[sources]]\nname = "gemini"', "sources[0].class", '"gemini" is not a built-in source', "one of exchange"],
  [
    '[[sources]]\nname = "krakn"\ninclude_in_vwap = false',
    "sources[0].class",
    "did you mean kraken?",
    "one of exchange",
  ],
  ['[[sources]]\nname = "Gemini"\nclass = "exchange"', "sources[0].name", 'is the text "Gemini"', "lower-case"],
  ["[[sources]]\nweight = 1", "sources[0].name", "is missing", "lower-case"],
  ['[[sources]]\nname = "a"\nclass = "market"', "sources[0].class", 'is the text "market"', "one of exchange"],
  ['[[sources]]\nname = "sdex"\nsubclass = "amm"', "sources[0].subclass", 'is the text "amm"', "cex, dex, fx"],
  ['[[sources]]\nname = "ecb"\nsubclass = "fx"', "sources[0].subclass", "authority_sanity", "only exchanges"],
  ['[[sources]]\nname = "sdex"\nweight = 1000001', "sources[0].weight", "is 1000001", "from 1 to 1000000"],
  [
    '[[sources]]\nname = "sdex"\nweight = 0',
    "sources[0].weight",
    "is 0",
    "include_in_vwap = false leaves a source out",
  ],
  [
    '[[sources]]\nname = "sdex"\n[[sources]]\nname = "sdex"',
    "sources[1].name",
    '"sdex" occurs twice',
    "each source only once",
  ],
  ['[[sources]]\nname = "sdex"\nclas = "x"', "sources[0].clas", "is not a known key", "class"],
];

describe("a configuration is refused", () => {
  it.each(REFUSED)("%j", (text, key, wrong, right) => {
    const problems = problemsOf(text);
    expect(problems).toEqual([
      {
        where: expect.stringMatching(/stellarindex\.toml$/),
        key,
        wrong: expect.any(String),
        right: expect.any(String),
      },
    ]);
    expect(problems[0]?.wrong).toContain(wrong);
    expect(problems[0]?.right).toContain(right);
  });

  it("with all problems at once, one per line", () => {
    const text = [...new Map(REFUSED.map((row) => [row[1], row[0]])).values()]
      .filter((row) => /^\[(redis|log|api)\]/.test(row) && !row.includes("8080"))
      .map((row) => row.replace(/^\[(\w+)\]\n(.*)/, "$1.$2"))
      .join("\n");
    const problems = problemsOf(text, { STELLARINDEX_SOURCES: "{", STELLARINDEX_AGGREGATE_CONCURRENCY: "x" });
    const keys = problems.map(({ key }) => key).sort();
    expect(keys).toEqual([
      "aggregate.concurrency",
      "api.cors_origins[0]",
      "api.listen",
      "api.price_freshness_seconds",
      "api.query_timeout_seconds",
      "api.require_key",
      "api.trusted_proxies[0]",
      "log.colour",
      "log.level",
      "redis.breaker_failures",
      "redis.key_prefix",
      "redis.url",
      "sources",
    ]);
    expect(new ConfigError(problems).message.split("\n")).toHaveLength(problems.length);
  });

  it("for conflicts between keys, even if other keys of the section are wrong", () => {
    const problems = problemsOf(
      '[aggregate]\ntypo = 1\nconcurrency = 1.5\npairs = ["?"]\ninterval_seconds = 40\nwindows = ["31s"]',
    );
    expect(problems.map(({ key }) => key).sort()).toEqual([
      "aggregate.concurrency",
      "aggregate.interval_seconds",
      "aggregate.pairs[0]",
      "aggregate.typo",
      "aggregate.windows",
      "aggregate.windows",
    ]);
  });

  it("for a default that conflicts with another key", () => {
    const problems = problemsOf("[aggregate]\nbucket_seconds = 20\nwindows = ['1h']\nvwap_window_seconds = 60");
    expect(problems).toMatchObject([{ where: "default", key: "aggregate.interval_seconds" }]);
  });

  it("if a list or table has too many entries", () => {
    const pairs = Array.from({ length: 1001 }, (_, index) => `"A${index}/USD"`).join(",");
    expect(problemsOf(`[aggregate]\npairs = [${pairs}]`)).toMatchObject([{ wrong: "has 1001 entries" }]);
    const pegs = Array.from({ length: 1001 }, (_, index) => `A${index} = "USD"`).join("\n");
    expect(problemsOf(`[aggregate.pegs]\n${pegs}`)).toMatchObject([{ wrong: "has 1001 entries" }]);
    const ids = Array.from({ length: 1001 }, (_, index) => `A${index} = "a"`).join("\n");
    expect(problemsOf(`[divergence.coingecko.ids]\n${ids}`)).toMatchObject([{ wrong: "has 1001 entries" }]);
    const legs = Array.from({ length: 9 }, (_, index) => `"A${index}/A${index + 1}"`).join(",");
    const nine = `{ target = "A0/A9", legs = [${legs}] }`;
    expect(problemsOf(`[aggregate]\ntriangulations = [${nine}]`)).toMatchObject([{ wrong: "has 9 entries" }]);
    const chains = Array.from({ length: 1001 }, (_, index) =>
      nine.replaceAll("A0/", `X${index}/`).replace(/,"A2.*]/, ',"A2/A9"]'),
    ).join(",");
    expect(problemsOf(`[aggregate]\ntriangulations = [${chains}]`)).toMatchObject([{ wrong: "has 1001 entries" }]);
  });
});

it("names keys as TOML writes them, with dots", () => {
  expect(dotted(["aggregate", "aliases", "crypto:XLM", 1])).toBe('aggregate.aliases."crypto:XLM"[1]');
});
