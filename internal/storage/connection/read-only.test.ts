import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAsset } from "../../canonical/asset.ts";
import { HOUR, MINUTE } from "../../canonical/bucket.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { parseTime, seconds } from "../../canonical/time.ts";
import { openDatabase } from "../open-database.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { withSnapshot } from "../windows/snapshot.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "./database.testing.ts";
import type { Database } from "./database.ts";

const T = parseTime("2026-03-01T10:00:00Z");
const BUCKET = { from: T - seconds(7201), to: T + seconds(61) };
/** From its sixth execution on, PostgreSQL may use a generic plan for a statement. */
const RUNS = 8;

describe.each(testEngines.filter(({ server }) => server !== null))("reads on $name", (engine) => {
  let database: TestDatabase;
  let session: Database;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    session = await openDatabase({ url: database.url, max_connections: 1 });
  });
  afterAll(async () => {
    await session.close();
    await database.drop();
  });

  it("pass times that the planner knows, so that other chunks cost nothing", async () => {
    const pair = freshPair();
    await writeTrades(
      database,
      [1, 2, 50].map((quote) => trade(pair, T, { tradeId: String(quote), quote: String(quote) })),
    );
    const band = { low: parseDecimal("0"), high: parseDecimal("3") };
    const rule = { method: "mad" as const, median: parseDecimal("2"), reach: parseDecimal("1") };
    for (let run = 0; run < RUNS; run++) {
      await withSnapshot(session, async (reader) => {
        await reader.totals([pair], BUCKET);
        await reader.outliers([pair], BUCKET, { sources: ["kraken"], tradeCount: 3, band, rule }, 10);
        await reader.outliers(
          [pair],
          { from: T, to: T + MINUTE },
          { sources: ["kraken"], tradeCount: 1e6, band, rule },
          10,
        );
        await reader.medians([pair], BUCKET, ["kraken"], 3);
        await reader.fxQuote(parseAsset("EUR"), ["ecb"], T);
        await reader.fxRates(["ecb"], T);
        await reader.tradedPairs(BUCKET, [], null);
        await reader.timeWeighted([pair], BUCKET, { sources: null, filter: null, carrySeconds: 0 });
        await reader.lastTrade([pair], BUCKET, { sources: null, filter: null });
        const filter = { rule, band };
        await reader.timeWeighted([pair], BUCKET, { sources: null, filter, carrySeconds: 60 });
        await reader.lastTrade([pair], BUCKET, { sources: ["kraken"], filter });
        await reader.recentBlocks([pair], BUCKET.from, ["kraken"], null);
        await reader.filteredCandle([pair], { from: T - HOUR, to: T }, ["kraken"], filter);
        const range = { from: T - HOUR, to: T + HOUR };
        await reader.candles({ pairs: [pair], sources: ["kraken"], intervalSeconds: 60, range, limit: 10 });
      });
    }
    const statements = await session.sql<{ statement: string; runs: string; planned_once: string; types: string }[]>`
      SELECT statement, custom_plans::text AS runs, generic_plans::text AS planned_once, parameter_types::text AS types
      FROM pg_prepared_statements WHERE statement ~ 'FROM trades|JOIN trades|trades_1[mh]' AND custom_plans + generic_plans >= ${RUNS}::int`;
    expect(statements.length).toBeGreaterThanOrEqual(17);
    for (const { statement, planned_once, types } of statements) {
      if (engine.name === "timescaledb") expect([statement, planned_once]).toEqual([statement, "0"]);
      // The planner does not know a text that is converted to a time.
      expect([statement, types]).toEqual([statement, expect.stringContaining("timestamp with time zone")]);
      expect(statement).not.toContain("::text::timestamptz");
    }
  });
});
