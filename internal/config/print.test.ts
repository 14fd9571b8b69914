import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SOURCE_CLASSES, SOURCE_NAME } from "../sources/registry.ts";
import { load, withFile } from "./config.testing.ts";
import { loadConfig } from "./load.ts";
import { formatConfig } from "./print.ts";
import { formatTomlKey, formatTomlValue, parseToml } from "./toml.ts";

describe("the printed configuration", () => {
  it("says line by line where a value comes from", () => {
    const printed = formatConfig(
      load('[redis]\nurl = "redis://:pw@h"\n[aggregate.aliases]\nBTC = ["XBT"]', { STELLARINDEX_LOG_LEVEL: "debug" }),
    );
    expect(printed).toContain('url = "redis://:***@h"  # file\nkey_prefix = ""         # default\n');
    expect(printed).toContain('level = "debug"  # STELLARINDEX_LOG_LEVEL\n');
    expect(printed).toContain('native = ["crypto:XLM"]        # default\n"crypto:BTC" = ["crypto:XBT"]  # file\n');
    expect(printed).toContain("sources = []  # default\n");
    expect(printed).not.toContain("pw");
  });

  it("reads back as the defaults", () => {
    const defaults = loadConfig({ env: {} });
    expect(load(formatConfig(defaults)).config).toEqual(defaults.config);
  });

  it("reads back as the configuration it was made of", () => {
    fc.assert(
      fc.property(anyOverrides(), (env) => {
        const loaded = loadConfig({ env });
        withFile(formatConfig(loaded), (file) => {
          expect(loadConfig({ file, env: {} }).config).toEqual(loaded.config);
        });
      }),
      { numRuns: 60 },
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
      weight: fc.nat(1_000_000),
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
      prefix: fc.stringMatching(/^[\x21-\x7e]{0,20}$/),
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
      STELLARINDEX_DATABASE_RETENTION_TRADES: `${rest.retention}s`,
      STELLARINDEX_DATABASE_URL: `pglite:x${rest.directory}`,
      STELLARINDEX_REDIS_KEY_PREFIX: rest.prefix.replaceAll(":", "").replaceAll("?", ""),
      STELLARINDEX_SOURCES: `[${rest.sources.map((entry) => tomlTable(Object.entries(entry))).join(", ")}]`,
    }));
}

function tomlTable(entries: readonly (readonly [string, unknown])[]): string {
  return `{ ${entries.map(([key, value]) => `${formatTomlKey(key)} = ${formatTomlValue(value)}`).join(", ")} }`;
}

it("any text is written so that TOML reads it back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const read = parseToml(`${formatTomlKey(`k${text}`)} = [${formatTomlValue(text)}]`);
      expect(read).toEqual({ [`k${text}`]: [text] });
    }),
  );
});
