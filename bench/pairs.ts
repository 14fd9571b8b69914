import { targetsOf } from "../internal/aggregator/target.ts";
import type { Bench } from "./bench.ts";
import { type Contestants, compare } from "./compare.ts";
import { settle } from "./data.ts";
import { withBenchDatabase } from "./database.ts";
import { tickOf, WINDOWS } from "./tick.ts";
import { benchPairs, fillPairs } from "./trades.ts";

const MOST_PAIRS = 1000;
const COUNTS = [10, 100, MOST_PAIRS];
const MEMORY_TICKS = 20;

export const pairs: Bench = {
  summary: "a tick of 10, 100 and 1 000 pairs × 3 windows, and the memory that ticking takes",
  run: ({ server, trades, short }) =>
    withBenchDatabase(server, async (database) => {
      const count = trades ?? (short ? 50_000 : 5_000_000);
      await fillPairs(database, "T", MOST_PAIRS, count);
      await settle(database);
      console.log(`${count} trades in 24 h, ${MOST_PAIRS} pairs, 5 sources\n`);
      const ticks = COUNTS.map(
        (each) =>
          [
            `${each} pairs, ${each * WINDOWS.length} targets`,
            tickOf(database, targetsOf(benchPairs(each), WINDOWS), { triangulation_enabled: false }),
          ] as const,
      );
      const medians = await compare(Object.fromEntries(ticks) satisfies Contestants);
      for (const [index, each] of COUNTS.entries()) {
        const perTarget = ((medians[index] ?? Number.NaN) / each / WINDOWS.length) * 1000;
        console.log(`  ${each} pairs: ${perTarget.toFixed(0)} µs per target`);
      }
      console.log(`\nmemory of the process (resident), highest of ${MEMORY_TICKS} ticks each:`);
      for (const [name, tick] of ticks) console.log(`  ${name}: ${await highestResident(tick)} MB`);
    }),
};

async function highestResident(tick: () => Promise<unknown>): Promise<number> {
  let highest = 0;
  const look = (): void => {
    highest = Math.max(highest, process.memoryUsage.rss());
  };
  const timer = setInterval(look, 5);
  for (let round = 0; round < MEMORY_TICKS; round++) {
    await tick();
    look();
  }
  clearInterval(timer);
  return Math.round(highest / 2 ** 20);
}
