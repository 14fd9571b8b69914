import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parsePair } from "../internal/canonical/pair.ts";
import { parseTime, seconds } from "../internal/canonical/time.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
  type TestEngine,
} from "../internal/storage/connection/database.testing.ts";
import { trade } from "../internal/storage/trades/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { runHere, runProgram, startProgram } from "../test/program.ts";
import { backfillArgs, backfillEnvironment } from "./backfill.testing.ts";

const directory = mkdtempSync(join(tmpdir(), "stellarindex-backfill-"));
afterAll(() => rmSync(directory, { recursive: true }));
if (serverTestEngine === null) console.log("left out: backfill of a long range, because it needs PostgreSQL");

describe.skipIf(serverTestEngine === null)("backfill of a long range on a server", () => {
  const FROM = parseTime("2026-01-01T00:00:00Z");
  const options = {
    pairs: "LONELY/USD",
    windows: "5m",
    from: "2026-01-01T00:00:00Z",
    // Several times the size of a batch in memory.
    to: "2026-03-20T00:00:00Z",
  };
  let database: TestDatabase;
  let undisturbed: string;

  beforeAll(async () => {
    database = await openTestDatabase(serverTestEngine as TestEngine);
    const pair = parsePair("LONELY/USD");
    await writeTrades(
      database,
      [100, 39_999, 40_001, 81_000, 112_000].map((at) =>
        trade(pair, FROM + seconds(at * 60), { base: "3", quote: String(at) }),
      ),
    );
    const out = join(directory, "undisturbed.jsonl");
    expect(
      await runHere(backfillArgs(directory, { ...options, out }), backfillEnvironment(database.url)),
    ).toMatchObject({ status: 0 });
    undisturbed = readFileSync(out, "utf8");
  });
  afterAll(() => database?.drop());

  it("writes the same file if it is stopped by any signal and run again", async () => {
    const out = join(directory, "disturbed.jsonl");
    const doneOf = (): string => JSON.parse(readFileSync(`${out}.progress`, "utf8")).done ?? "";
    let before = "";
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      const program = startProgram(backfillArgs(directory, { ...options, out }), backfillEnvironment(database.url));
      await vi.waitFor(() => expect(doneOf() > before).toBe(true), { timeout: 30_000, interval: 5 });
      before = doneOf();
      expect(await program.stop(signal)).toBe(signal === "SIGTERM" ? 1 : null);
    }
    const finished = await runHere(backfillArgs(directory, { ...options, out }), backfillEnvironment(database.url));
    expect(finished).toMatchObject({ status: 0, out: expect.stringContaining(`${out}: 22 values; `) });
    expect(readFileSync(out, "utf8")).toBe(undisturbed);
    expect(existsSync(`${out}.progress`)).toBe(false);
  });

  it("exits with 1 if retention has removed rows that buckets need", async () => {
    const out = join(directory, "expired.jsonl");
    await database.sql`
      UPDATE retention_horizons SET complete_from = '2026-01-01T02:00:00Z' WHERE table_name = 'trades_1m'`;
    const short = { ...options, to: "2026-01-01T03:00:00Z", out };
    expect(await runProgram(backfillArgs(directory, short), backfillEnvironment(database.url))).toMatchObject({
      status: 1,
      err: expect.stringContaining("buckets were skipped, the first: crypto:LONELY/fiat:USD over 300 s: this needs "),
    });
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
  });
});
