import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runHere, runProgram } from "../test/program.ts";

const directory = mkdtempSync(join(tmpdir(), "stellarindex-"));
afterAll(() => rmSync(directory, { recursive: true }));

function fileWith(text: string): string {
  const file = join(directory, "stellarindex.toml");
  writeFileSync(file, text);
  return file;
}

describe("config check", () => {
  it("summarizes the configuration in effect", async () => {
    const { out, err, status } = await runProgram(["config", "check"], { STELLARINDEX_REDIS_URL: "redis://:pw@h" });
    expect(out).toMatch(
      /^config ok: no file, 1 from the environment; 9 pairs × 3 windows every 30s; policy [0-9a-f]{12}; database pglite:stellarindex-data; redis redis:\/\/:\*\*\*@h\n$/,
    );
    expect({ err, status }).toEqual({ err: "", status: 0 });
  });

  it("names problems that prevent separate daemons but not `start`", async () => {
    const { out, status } = await runHere(["config", "check"]);
    expect(status).toBe(0);
    expect(out).toContain(
      "\naggregator and api refuse it, as separate processes:\nconfig: redis.url: memory: exists in",
    );
  });

  it("lists every problem and exits with 2", async () => {
    const file = fileWith("[log]\nlevel = 1\n[redis]\nurl = 1");
    const { out, err, status } = await runProgram(["--config", file, "config", "check"]);
    expect({ out, status }).toEqual({ out: "", status: 2 });
    expect(err.trimEnd().split("\n")).toHaveLength(2);
    expect(err).toContain(`${file}: log.level: is 1; expected one of trace`);
  });

  it.each([
    ['[aggregate.aliases]\n__proto__ = ["XLM"]', "line 2, column 1: __proto__ is not a known key"],
    ['[aggregate.aliases]\nwindows = ["5m"]', "aggregate.aliases.windows: is a key"],
    ["[aggregate]\nsettle_seconds = 18446744073709551621", "line 2, column 18: the whole number has more than 53 bits"],
  ])("refuses text that the parser would misread, with file and position: %j", async (text, wrong) => {
    const file = fileWith(text);
    const { out, err, status } = await runHere(["--config", file, "config", "check"]);
    expect({ out, status }).toEqual({ out: "", status: 2 });
    expect(err).toContain(`${file}: ${wrong}`);
  });

  it("names pairs that are compared only if the database has references for them", async () => {
    const file = fileWith('[aggregate]\npairs = ["XLM/USD"]\n[divergence.coingecko]\nenabled = true');
    const { out, status } = await runHere(["--config", file, "config", "check"]);
    expect(status).toBe(0);
    expect(out).toContain(
      "\ncrypto:XLM/fiat:USD: fewer external references than divergence.min_references (2); compared",
    );
  });

  it("prints warnings", async () => {
    const { err, status } = await runHere(["config", "check"], { STELLARINDEX_PORT: "tcp://h" });
    expect(err).toBe("warning: STELLARINDEX_PORT is not a key of the configuration and is ignored\n");
    expect(status).toBe(0);
  });
});

describe("config print", () => {
  it("shows the values of the file in STELLARINDEX_CONFIG", async () => {
    const environment = { STELLARINDEX_CONFIG: fileWith('[log]\nlevel = "warn"') };
    expect((await runProgram(["config", "print"], environment)).out).toContain('[log]\nlevel = "warn"  # file\n');
    const missing = await runHere(["--config", "/nowhere.toml", "config", "print"], environment);
    expect(missing).toMatchObject({ out: "", status: 2, err: expect.stringContaining("does not exist") });
  });

  it("shows with --policy the text that is hashed into the policy", async () => {
    const environment = { STELLARINDEX_AGGREGATE_MIN_SOURCES: "2" };
    const { out } = await runHere(["config", "print", "--policy"], environment);
    const hash = createHash("sha256").update(out.trimEnd()).digest("hex").slice(0, 12);
    expect((await runHere(["config", "check"], environment)).out).toContain(`policy ${hash}`);
    expect(JSON.parse(out)).toMatchObject({ min_sources: 2 });
  });
});
