import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../internal/config/load.ts";
import { formatConfig } from "../../internal/config/print.ts";
import { ConfigError } from "../../internal/config/problems.ts";
import { policySettings } from "../../internal/config/schema.ts";
import { concurrently } from "../../internal/lib/concurrently.ts";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { makePolicy } from "../../internal/policy/policy.ts";
import { runProgram } from "../program.ts";
import { count } from "./figures.ts";

const RUNS = 1_000;
const PROCESSES = 24;
const SECRET = "s3cr3t-of-the-file";
const WITH_SECRET = `url = "postgres://user:${SECRET}@127.0.0.1:5432/stellarindex"`;

/** The example with its optional tables enabled, and with a password that must not be shown. */
const DESTINATIONS = `[[deliveries]]
name = "prices-hook"
type = "webhook"
url = "https://receiver.example.com/hooks/prices"
events = ["price.published", "incident.*"]
pairs = ["XLM/USD"]
secrets = [{ env = "HOOK_SECRET" }]
[deliveries.where]
"/kind" = ["new", "changed"]
[deliveries.body]
id = { from = "/id", missing = "omit" }
brand = "testBrand"
`;
const EXAMPLE = readFileSync(join(packageRoot(), "config.example.toml"), "utf8")
  // Their texts of several lines cannot be taken apart by line.
  .replace(/^# \[\[deliveries\]\]\n(?:#.*\n)*/m, DESTINATIONS)
  .replace('url = "pglite:stellarindex-data"', WITH_SECRET)
  .replace(
    /^# (\[\[.*|name = .*|class = .*|weight = .*|hash = .*|scopes = \["(?:jobs|trades|events).*|sources = .*|source = .*|pair = .*|start = .*|live = .*|rest = .*|files = .*|kind = .*|cron = .*|target = .*|legs = .*)$/gm,
    "$1",
  );
const LINES = EXAMPLE.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));

const junk = fc.oneof(
  fc.constantFrom("", "-1", "0", "nan", "-inf", "1e999", "99999999999999999999", "0x1F", "1979-05-27T07:32:00Z", "{}"),
  fc.constantFrom("[[[[[]]]]]", '""', "'''", '"\\uD800"', "{ a = { b = [1, 'x'] } }", "true", "[1, 'a']", '"\\u0000"'),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.json({ maxDepth: 3 }),
  fc.string({ unit: "grapheme", maxLength: 2_000 }).map((text) => JSON.stringify(text)),
  fc.double().map(String),
);
const name = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "toString", "url", "aggregate", '"a b"', "a.b.c"),
  fc.string({ minLength: 1, maxLength: 20 }),
);
const at = fc.nat({ max: 10_000 });
type Mutation = (lines: string[]) => string[];

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(at, junk).map(([place, value]): Mutation => edit(place, (line) => line.replace(/=.*/, () => `= ${value}`))),
  fc.tuple(at, name).map(([place, key]): Mutation => edit(place, (line) => line.replace(/^[^=]*=/, () => `${key} =`))),
  fc.tuple(at, name).map(([place, key]): Mutation => edit(place, () => `[${key}]`)),
  fc.tuple(at, name).map(([place, key]): Mutation => edit(place, (line) => `${line}\n[[${key}]]`)),
  at.map((place): Mutation => edit(place, (line) => `${line}\n${line}`)),
  at.map(
    (place): Mutation =>
      (lines) =>
        lines.filter((_, index) => index !== place % lines.length),
  ),
  fc.tuple(at, at).map(([place, length]): Mutation => edit(place, (line) => line.slice(0, length % (line.length + 1)))),
  fc.tuple(at, junk).map(([place, text]): Mutation => edit(place, (line) => `${line} ${text}`)),
  at.map(
    (place): Mutation =>
      (lines) =>
        lines.slice(0, place % lines.length),
  ),
);

function edit(place: number, change: (line: string) => string): Mutation {
  return (lines) => lines.map((line, index) => (index === place % lines.length ? change(line) : line));
}

const malformed = fc
  .array(mutation, { minLength: 1, maxLength: 4 })
  .map((mutations) => mutations.reduce((lines, mutate) => mutate(lines), LINES).join("\n"))
  .filter((text) => text !== LINES.join("\n"));

describe("malformed configurations", () => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-configs-"));
  const file = join(directory, "stellarindex.toml");
  afterAll(() => rmSync(directory, { recursive: true }));

  it("load before they are mutated", () => {
    writeFileSync(file, LINES.join("\n"));
    expect(() => loadConfig({ file, env: {} })).not.toThrow();
  });

  it("are valid, or refused with file, key and fix, and no password is shown", () => {
    fc.assert(
      fc.property(malformed, (text) => {
        writeFileSync(file, text);
        count("configs");
        const problems = problemsOf(file);
        if (problems === null) return;
        count("configsRefused");
        for (const { where, key, wrong, right } of problems) {
          expect(where).toBe(file);
          expect(key === "" ? wrong : key, "names a key or a line").toMatch(key === "" ? /^line \d+, column \d+/ : /./);
          expect(wrong).not.toBe("");
          expect(right).not.toBe("");
          expect(`${key} ${wrong} ${right}`).not.toContain(SECRET);
        }
      }),
      { numRuns: RUNS, seed: 20_261_121, endOnFailure: true },
    );
  });

  it("make `config check` exit with 0 or 2, without a stack trace", async () => {
    const texts = fc.sample(malformed, { numRuns: PROCESSES, seed: 42 });
    await concurrently(texts.entries(), 3, new AbortController().signal, async ([index, text]) => {
      const path = join(directory, `${index}.toml`);
      writeFileSync(path, text);
      count("configs");
      const { status, err } = await runProgram(["--config", path, "config", "check"]);
      expect([0, 2], err).toContain(status);
      if (status === 2) expect(err).toContain(path);
      if (status === 2) count("configsRefused");
      expect(err).not.toMatch(/^\s+at /m);
      expect(err).not.toContain(SECRET);
    });
  });
});

/** Returns the problems of a file, null if it is valid; any other error is a bug. */
function problemsOf(file: string): ConfigError["problems"] | null {
  try {
    const loaded = loadConfig({ file, env: {} });
    makePolicy(policySettings(loaded.config));
    expect(formatConfig(loaded)).not.toContain(SECRET);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
