import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runHere } from "../test/program.ts";

let directory: string;
let file: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "stellarindex-named-"));
  file = join(directory, "stellarindex.toml");
  writeFileSync(file, '[database.retention]\ntrades = "90d"\n');
});
afterAll(() => rmSync(directory, { recursive: true }));

// If a command created a database, it would be in the working directory.
const run = (args: readonly string[]) => runHere(args, {}, directory);

describe("without a configured database", () => {
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
      /no database is configured: there is no configuration file, and STELLARINDEX_DATABASE_URL is not set/,
    );
    expect(readdirSync(directory)).toEqual(["stellarindex.toml"]);
  });

  it.each([...deployment, ...trial])("%s %s does nothing with a file that configures none", async (...args) => {
    const { status, out, err } = await run([...args, "--config", "stellarindex.toml"]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(/no database is configured: stellarindex.toml has no \[database\] url/);
    expect(readdirSync(directory)).toEqual(["stellarindex.toml"]);
  });

  it.each(deployment.filter(([, name]) => name !== "up").concat(trial.slice(0, 2), [["backup", "copy"]]))(
    "%s %s creates no database, neither in an existing directory nor in a missing one",
    async (...args) => {
      for (const place of [".", "missing"]) {
        const { status, err } = await runHere(args, { STELLARINDEX_DATABASE_URL: `pglite:${place}` }, directory);
        expect({ status, err }).toEqual({
          status: 2,
          err: expect.stringContaining(
            `there is no embedded database in ${resolve(realpathSync(directory), place)}; set`,
          ),
        });
        expect(readdirSync(directory)).toEqual(["stellarindex.toml"]);
      }
    },
  );

  it.each([
    ["postgres://u:secret@h/db", "is a URL; expected a directory"],
    ["~/data", "~, which is not expanded here"],
  ])("start --data %s creates no directory of that name", async (data, said) => {
    const { status, err } = await run(["start", "--data", data]);
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(said) });
    expect(err).not.toContain("secret");
    expect(readdirSync(directory)).toEqual(["stellarindex.toml"]);
  });

  it("--data with another command is refused with the setting to use instead", async () => {
    const { status, err } = await run(["import", "--data", "d", "stellarindex.toml"]);
    expect({ status, err }).toEqual({
      status: 2,
      err: expect.stringContaining("STELLARINDEX_DATABASE_URL=pglite:DIRECTORY"),
    });
  });

  it.each(["", " "])("start --data %j does not fall back to a database in memory", async (data) => {
    const { status, err } = await run(["start", "--data", data]);
    expect({ status, err }).toMatchObject({ status: 2, err: expect.stringContaining("--data is empty") });
  });
});
