import { stageDone } from "../internal/aggregator/events.ts";
import { targetsOf } from "../internal/aggregator/target.ts";
import type { Pair } from "../internal/canonical/pair.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { plainSql, scanWindow } from "./alternatives.ts";
import { compare } from "./compare.ts";
import { GRADED_PAIRS, NOISY_PAIR } from "./data.ts";
import { tickOf } from "./tick.ts";
import { BENCH_TO, SOURCES } from "./trades.ts";

const DAY = 86_400;

/** A window of many trades with few outliers, and one with many in every minute, compared with reading all rows. */
export async function compareOutliers(database: Database): Promise<void> {
  for (const pair of [GRADED_PAIRS.at(-1), NOISY_PAIR] as Pair[]) {
    const tick = tickOf(database, targetsOf([pair], [DAY]), { triangulation_enabled: false });
    console.log(`\n24 h of ${pair.base}, ${await outliersOf(tick)} outliers:`);
    await compare({
      "this program": tick,
      "a plain scan: count and sums of the window": () => scanWindow(database, pair, DAY, BENCH_TO, SOURCES),
      "plain SQL, the filter as a CTE": () => plainSql(database, pair, DAY, BENCH_TO, SOURCES),
    });
  }
}

async function outliersOf(tick: ReturnType<typeof tickOf>): Promise<number> {
  let outliers = 0;
  const stop = stageDone.subscribe(({ stage, dropped }) => {
    if (stage === "outlier") outliers += dropped;
  });
  await tick();
  stop();
  return outliers;
}
