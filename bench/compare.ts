import { median, quantile } from "simple-statistics";
import { stopwatch } from "../internal/lib/clock.ts";

/** A function to measure, with its printed name. */
export type Contestants = Readonly<Record<string, () => Promise<unknown>>>;

/**
 * Measures in turns, so that changes of the machine affect all equally, and prints each median in milliseconds and as a
 * ratio to the first.
 * @returns the medians in milliseconds, in the order of the contestants
 */
export async function compare(contestants: Contestants, rounds = 7): Promise<number[]> {
  const runs = Object.entries(contestants);
  const times = runs.map(() => [] as number[]);
  for (const [, warmUp] of runs) await warmUp();
  for (let round = 0; round < rounds; round++) {
    for (const [index, [, run]] of runs.entries()) {
      const started = stopwatch();
      await run();
      times[index]?.push((stopwatch() - started) * 1000);
    }
  }
  const medians = times.map((measured) => median(measured));
  const own = medians[0] ?? Number.NaN;
  for (const [index, [name]] of runs.entries()) {
    const measured = times[index] ?? [];
    const middle = medians[index] ?? Number.NaN;
    const spread = `${quantile(measured, 0.25).toFixed(1)}–${quantile(measured, 0.75).toFixed(1)}`;
    const ratio = index === 0 ? "" : `, ${(middle / own).toFixed(2)} times as long`;
    console.log(`  ${name}: median ${middle.toFixed(1)} ms (middle half ${spread})${ratio}`);
  }
  return medians;
}
