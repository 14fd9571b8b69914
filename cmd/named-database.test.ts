import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../test/program.ts";

let directory: string;
let file: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "stellarindex-named-"));
  file = join(directory, "stellarindex.toml");
  writeFileSync(file, '[database.retention]\ntrades = "90d"\n');
});
afterAll(() => rmSync(directory, { recursive: true }));

// Where a database was made after all, it would lie in the working directory.
const run = (args: readonly string[]) => runProgram(args, {}, directory);

describe("where no database is named", () => {
  const range = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z"];
  const deployment = [
    ["prune", "--older-than", "900d", "--table", "trades"],
    ["migrate", "up"],
    ["migrate", "down", "--yes"],
    ["migrate", "status"],
    ["rollups", "verify"],
    ["trades", "delete", "--pair", "crypto:XLM/fiat:USD", "--source", "kraken", ...range, "--yes"],
  ];
  const trial = [
    ["compute", "--pair", "XLM/USD", "--window", "5m"],
    ["backfill", ...range, "--out", "values.jsonl"],
    ["import", "stellarindex.toml"],
    ["import-fx", "stellarindex.toml"],
  ];

  it.each(deployment)("%s %s does nothing", async (...args) => {
    const { status, out, err } = await run(args);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(
      /no database is named: there is no configuration file, and STELLARINDEX_DATABASE_URL is not set/,
    );
    expect(readdirSync(directory)).toEqual(["stellarindex.toml"]);
  });

  it.each([...deployment, ...trial])("%s %s does nothing with a file that names none", async (...args) => {
    const { status, out, err } = await run([...args, "--config", "stellarindex.toml"]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(/no database is named: stellarindex.toml has no \[database\] url/);
    expect(readdirSync(directory)).toEqual(["stellarindex.toml"]);
  });

  it.each(["", " "])("start --data %j does not run on what is forgotten", async (data) => {
    const { status, err } = await run(["start", "--data", data]);
    expect({ status, err }).toMatchObject({ status: 2, err: expect.stringContaining("--data names no directory") });
  });
});
