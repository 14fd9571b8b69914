import { expect, it } from "vitest";
import { load } from "../config/config.testing.ts";
import { loadConfig } from "../config/load.ts";
import { checkNamed } from "./named-database.ts";

it("warns of a database that is not configured explicitly", () => {
  expect(checkNamed(loadConfig({ env: {} }))).toMatchObject({
    status: "warning",
    found: expect.stringMatching(
      /no database is configured: STELLARINDEX_DATABASE_URL is not set.*pglite:stellarindex-data/,
    ),
  });
  expect(checkNamed(load("[log]\nlevel = 'info'\n"))).toMatchObject({
    status: "warning",
    found: expect.stringContaining("has no [database] url"),
  });
});

it("accepts one that the file or the environment names", () => {
  const env = { STELLARINDEX_DATABASE_URL: "pglite:stellarindex-data" };
  expect(checkNamed(loadConfig({ env }))).toMatchObject({
    status: "ok",
    found: "the database URL comes from STELLARINDEX_DATABASE_URL",
  });
  expect(checkNamed(load('[database]\nurl = "postgres://h/d"\n'))).toMatchObject({ status: "ok" });
});
