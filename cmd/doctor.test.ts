import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testRedisUrl } from "../internal/cache/redis/store.testing.ts";
import { openTestDatabase, serverTestEngine } from "../internal/storage/connection/database.testing.ts";
import { runHere, runProgram } from "../test/program.ts";

const redisUrl = await testRedisUrl();
const isLeftOut = redisUrl === null || serverTestEngine === null;
if (isLeftOut) console.log("left out: doctor as a process, because it needs both PostgreSQL and Redis");

const LISTEN = {
  STELLARINDEX_API_LISTEN: "127.0.0.1:0",
  STELLARINDEX_API_OPS_LISTEN: "127.0.0.1:0",
  STELLARINDEX_AGGREGATE_OPS_LISTEN: "127.0.0.1:0",
};

describe.skipIf(isLeftOut)("doctor", () => {
  it("exits with 0 if all checks pass and with 1 otherwise, and shows no password", async () => {
    const database = await openTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>);
    try {
      const url = new URL(database.url);
      url.password = "hidden-word";
      const environment = {
        ...LISTEN,
        STELLARINDEX_DATABASE_URL: url.href,
        STELLARINDEX_REDIS_URL: redisUrl as string,
        STELLARINDEX_DATABASE_TIMESCALEDB: "off",
      };
      const well = await runProgram(["doctor", "--json"], environment);
      expect(well.status).toBe(0);
      const { checks, wrong } = JSON.parse(well.out);
      expect(wrong).toBe(0);
      expect(checks).toContainEqual({
        check: "migrations",
        status: "ok",
        found: "the database has all migrations of this program",
        cure: null,
      });
      await database.sql`ALTER TABLE trades DISABLE TRIGGER trades_append_only`;
      const ill = await runHere(["doctor"], environment);
      expect(ill.status).toBe(1);
      expect(ill.out).toMatch(/^wrong +rollups +the trigger trades_append_only of trades is missing or disabled$/m);
      expect(ill.out).toMatch(/^ +→ ALTER TABLE trades ENABLE TRIGGER trades_append_only/m);
      expect(ill.out).toMatch(/ 1 wrong, /);
      expect(well.out + well.err + ill.out + ill.err).not.toContain("hidden-word");
    } finally {
      await database.drop();
    }
  });
});

it("checks an empty default setup without creating anything", async () => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-doctor-"));
  try {
    const missing = join(directory, "data");
    const { status, out } = await runHere(["doctor"], { ...LISTEN, STELLARINDEX_DATABASE_URL: `pglite:${missing}` });
    expect(status).toBe(0);
    expect(out).toContain("there is no embedded database");
    expect(out).toContain("prices are kept in the memory of one process");
    expect(existsSync(missing)).toBe(false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it("exits with 2 if the configuration is invalid", async () => {
  const { status, err } = await runHere(["doctor"], { ...LISTEN, STELLARINDEX_AGGREGATE_MAX_HOPS: "9" });
  expect(status).toBe(2);
  expect(err).toContain("STELLARINDEX_AGGREGATE_MAX_HOPS");
});
