import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { load } from "./config.testing.ts";
import type { LoadedConfig } from "./load.ts";
import { ConfigError, type Problem } from "./problems.ts";
import { refuseUnsafeReload } from "./unsafe-reload.ts";

const HASH = `"sha256:${"0".repeat(64)}"`;
const FEED = '"0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c"';

/** A complete configuration with a limit or rule at the end of each kind of table. */
const WHOLE = `# Production.
[redis]
url = "redis://localhost"
[api]
rate_limit_per_minute = 600
require_key = true
[[api.keys]]
name = "wallet-app"
hash = ${HASH}
rate_limit_per_minute = 50
[aggregate]
pairs = ["XLM/USD",
  "BTC/USD"]
min_usd_volume = 1_000_000
min_sources = 2
[aggregate.aliases]
BTC = ["XBT"]
[aggregate.pegs]
GUSD = "USD"
[[aggregate.triangulations]]
target = "XLM/EUR"
legs = ["XLM/USD", "EUR/USD"]
[divergence.chainlink.feeds]
"BTC/USD" = ${FEED}
[divergence.coingecko]
ids.AQUA = "aquarius"
[[sources]]
name = "kraken"
weight = 50
[[sources]]
name = "binance"
include_in_vwap = false
`;

function refused(before: { started: LoadedConfig; running: LoadedConfig }, read: LoadedConfig): readonly Problem[] {
  try {
    refuseUnsafeReload(before, read, () => true);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Returns the keys for which a reload from file `before` to file `after` is refused; the daemon started with `start`. */
function refusedKeys(before: string, after: string, start = before): string[] {
  return refused({ started: load(start), running: load(before) }, load(after)).map(({ key }) => key);
}

describe("a reload is refused if the new file lacks a table, key or entry", () => {
  it("wherever the file was truncated, unless the rest means the same", () => {
    const whole = load(WHOLE);
    const before = { started: load(`${WHOLE}[log]\n`), running: whole };
    let refusals = 0;
    const lengths = [...WHOLE].flatMap((_, at) => (at % 5 === 0 || /\n/.test(WHOLE.slice(at - 1, at + 1)) ? [at] : []));
    for (const length of lengths) {
      let read: LoadedConfig;
      try {
        read = load(WHOLE.slice(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        continue;
      }
      const problems = refused(before, read);
      if (problems.length === 0) expect(read.config).toEqual(whole.config);
      else refusals++;
    }
    expect(refusals).toBeGreaterThan(20);
  });

  it.each<[gone: string, key: string]>([
    ['[[sources]]\nname = "binance"\ninclude_in_vwap = false\n', "sources.binance"],
    ["include_in_vwap = false\n", "sources.binance.include_in_vwap"],
    ["weight = 50\n", "sources.kraken.weight"],
    ['GUSD = "USD"\n', 'aggregate.pegs."crypto:GUSD"'],
    ['[aggregate.pegs]\nGUSD = "USD"\n', "aggregate.pegs"],
    ['BTC = ["XBT"]\n', 'aggregate.aliases."crypto:BTC"'],
    ["rate_limit_per_minute = 50\n", "api.keys.wallet-app.rate_limit_per_minute"],
    ["min_sources = 2\n", "aggregate.min_sources"],
    ['ids.AQUA = "aquarius"\n', "divergence.coingecko.ids"],
    [`"BTC/USD" = ${FEED}\n`, 'divergence.chainlink.feeds."crypto:BTC/fiat:USD"'],
    ['[[aggregate.triangulations]]\ntarget = "XLM/EUR"\nlegs = ["XLM/USD", "EUR/USD"]\n', "aggregate.triangulations"],
  ])("and names only the missing part: %j", (gone, key) => {
    const parts = WHOLE.split(gone);
    expect(parts).toHaveLength(2);
    expect(refusedKeys(WHOLE, parts.join(""))).toEqual([key]);
  });

  it("even one entry of several, whichever it is", () => {
    const keys = ["a", "b", "c"].map(
      (name, n) => `[[api.keys]]\nname = "${name}"\nhash = "sha256:${`${n}`.repeat(64)}"`,
    );
    for (const [index, name] of ["a", "b", "c"].entries()) {
      expect(refusedKeys(keys.join("\n"), keys.toSpliced(index, 1).join("\n"))).toEqual([`api.keys.${name}`]);
    }
  });

  it("but not for a different order, spelling or value", () => {
    const after = `sources = [{ include_in_vwap = true, name = "binance" }, { weight = 60, name = "kraken" }]
[divergence]
coingecko.ids = { "crypto:AQUA" = "aqua" }
chainlink.feeds = { "crypto:BTC/USD" = ${FEED} }
[aggregate]
triangulations = [{ target = "crypto:XLM/fiat:EUR", legs = ["XLM/BTC", "BTC/EUR"] }]
pegs = { "crypto:GUSD" = "fiat:USD" }
aliases = { "crypto:BTC" = [] }
min_sources = 3
min_usd_volume = 1e6
pairs = []
[api]
keys = [{ rate_limit_per_minute = 5, hash = ${HASH}, name = "wallet-app" }]
require_key = true
rate_limit_per_minute = 1
[redis]
url = "redis://localhost"
[log]
`;
    expect(refusedKeys(WHOLE, after)).toEqual([]);
  });

  it("with one problem for an empty file, instead of one per key", () => {
    const before = { started: load(WHOLE), running: load(WHOLE) };
    for (const text of ["", "\n", "# Production.\n"]) {
      const problems = refused(before, load(text));
      expect(problems).toMatchObject([{ key: "", wrong: expect.stringMatching(/^is empty/) }]);
    }
  });

  it("if it ends without a line end, unless the file before did", () => {
    expect(refusedKeys("[log]\nlevel = 'info'\n", "[log]\nlevel = 'warn'")).toEqual([""]);
    expect(refusedKeys("[log]\nlevel = 'info'", "[log]\nlevel = 'warn'")).toEqual([]);
  });

  it("and names exactly the missing entries, for any two files", () => {
    const names = fc.uniqueArray(fc.constantFrom("A", "B", "C", "D", "E"));
    fc.assert(
      fc.property(names, names, (before, after) => {
        const [one, other] = [before, after].map((codes) =>
          ["[aggregate.pegs]", ...codes.map((code) => `T${code} = "USD"`)].join("\n"),
        );
        const gone = before.filter((code) => !after.includes(code)).map((code) => `aggregate.pegs."crypto:T${code}"`);
        expect(refusedKeys(one ?? "", other ?? "")).toEqual(gone);
      }),
      { numRuns: 30 },
    );
  });
});

describe("a reload is refused if a value is less strict", () => {
  const floor = (dollars: number, more = "") => `[aggregate]\nmin_usd_volume = ${dollars}\n${more}`;

  it("than the value in effect and the one at the start", () => {
    expect(refusedKeys(floor(50_000), floor(20_000))).toEqual(["aggregate.min_usd_volume"]);
    expect(refusedKeys(floor(50_000), floor(20_000), floor(20_000))).toEqual([]);
    expect(refusedKeys(floor(50_000), floor(30_000, "min_sources = 1\n"), floor(20_000))).toEqual([]);
    expect(refusedKeys(floor(50_000), floor(10_000), floor(20_000))).toEqual(["aggregate.min_usd_volume"]);
  });

  it("only in keys that the daemon uses", () => {
    const before = { started: load(floor(2)), running: load(floor(2)) };
    expect(() => refuseUnsafeReload(before, load(floor(1)), () => false)).not.toThrow();
  });

  it("and reports a missing key with a less strict default only once", () => {
    expect(refusedKeys(floor(50_000), "[aggregate]\nmin_sources = 1\n")).toEqual(["aggregate.min_usd_volume"]);
  });
});

it("a reload of the file of the start is always accepted", () => {
  const start = "[aggregate]\nmin_usd_volume = 20_000\n";
  const stricter = `${start.replace("20", "90")}min_sources = 2\n[[sources]]\nname = "kraken"\ninclude_in_vwap = false\n`;
  expect(refusedKeys(stricter, start, start)).toEqual([]);
  // A file that differs from the one of the start gets no exception.
  expect(refusedKeys(stricter, `${start}min_sources = 3\n`, start)).toEqual(["sources"]);
});
