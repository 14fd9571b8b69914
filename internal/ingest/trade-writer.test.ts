import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../test/thoroughness.ts";
import { parseTime } from "../canonical/time.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../policy/policy.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../storage/connection/database.testing.ts";
import { freshPair, trade } from "../storage/trades/trades.testing.ts";
import { makeTradeWriter } from "./trade-writer.ts";

const NOW = parseTime("2026-03-02T00:00:00Z");

describe.each(enginesOf(testEngines))("the writer of sent trades on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  it("lets no trade decide about the orientation of its market that is not stored itself", async () => {
    await database.sql`UPDATE retention_horizons SET complete_from = '2026-03-01' WHERE table_name = 'trades'`;
    const write = makeTradeWriter(database, makePolicy(DEFAULT_POLICY_SETTINGS), {
      now: () => NOW,
      stopwatch: () => 0,
    });
    const pair = freshPair();
    const inverse = { base: pair.quote, quote: pair.base };
    const rows = [
      trade(inverse, "2026-02-28T23:59:59Z"),
      trade(pair, "2026-03-01T10:00:00Z"),
      trade(inverse, "2026-03-01T10:00:01Z"),
    ];
    expect(await write(rows.map((row) => ({ ...row, sender: "acme" })))).toMatchObject([
      { status: "rejected", field: "ts", reason: expect.stringContaining("retention has removed earlier trades") },
      { status: "new" },
      { status: "rejected", field: "base_asset" },
    ]);
  });
});
