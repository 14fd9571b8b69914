import { type Target, targetsOf } from "../internal/aggregator/target.ts";
import type { Pair } from "../internal/canonical/pair.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { fetchRows, plainSql, type ReadWindow } from "./alternatives.ts";
import type { Bench } from "./bench.ts";
import { compare } from "./compare.ts";
import { fillHundredPairs, fillNoisyPair, GRADED_PAIRS, HUNDRED_PAIRS } from "./data.ts";
import { withBenchDatabase } from "./database.ts";
import { compareOutliers } from "./outliers.ts";
import { compareRules } from "./rules.ts";
import { tickOf, WINDOWS } from "./tick.ts";
import { BENCH_TO, SOURCES } from "./trades.ts";

const DAY = 86_400;
/** The usual methods take many seconds per round. */
const ROUNDS = 3;
/** A warm-up: the connections of a running daemon have prepared the statements. */
const WARM_UPS = 20;

export const refresh: Bench = {
  summary: "a tick of 100 pairs × 3 windows against the usual ways, by trades per window, with outliers, by rules",
  run: ({ server, trades, short }) =>
    withBenchDatabase(server, async (database) => {
      const count = trades ?? (short ? 50_000 : 5_000_000);
      await fillHundredPairs(database, count);
      await compareTicks(database);
      await compareWindows(database);
      await compareRules(database);
      await fillNoisyPair(database, count);
      await compareOutliers(database);
    }),
};

async function compareTicks(database: Database): Promise<void> {
  const targets = targetsOf(HUNDRED_PAIRS, WINDOWS);
  const each = (read: ReadWindow) => async () => {
    for (const { pair, windowSeconds } of targets) await read(database, pair, windowSeconds, BENCH_TO, SOURCES);
  };
  const tick = tickOf(database, targets, { triangulation_enabled: false });
  for (let warmUp = 0; warmUp < WARM_UPS; warmUp++) await tick();
  const { counts } = await tick();
  console.log(`\na tick of ${targets.length} targets, ${counts.written} written:`);
  await compare(
    { "this program": tick, "at most 10 000 rows per target, computed in process": each(fetchRows) },
    ROUNDS,
  );
  await compare({ "this program": tick, "plain SQL per target, the filter as a CTE": each(plainSql) }, ROUNDS);
}

async function compareWindows(database: Database): Promise<void> {
  console.log("\none target over 24 h, by trades in the window:");
  const target = (pair: Pair): Target => ({ pair, windowSeconds: DAY });
  const contestants = await Promise.all(
    GRADED_PAIRS.map(async (pair) => {
      const tick = tickOf(database, [target(pair)], { triangulation_enabled: false });
      const [row] = await database.sql<{ count: string }[]>`
        SELECT sum(trade_count)::text AS count FROM trades_1h WHERE base_asset = ${pair.base}`;
      return [`${row?.count} trades`, tick] as const;
    }),
  );
  await compare(Object.fromEntries(contestants), 21);
}
