import { CANDIDATES } from "./candidates.ts";
import { judge } from "./judge.ts";
import { type Print, seriesOf } from "./series.ts";
import { CHANGE, DAY, HOUR } from "./staged.ts";
import { duration, printTable, WINDOWS } from "./table.ts";

/** The hours and prices of a crash like that of April 2013, with a halt of 12 h. */
const CRASH = [
  [-72, 140],
  [0, 230],
  [14, 262],
  [17, 240],
  [20, 130],
  [22, 110],
  [24, 165],
  [30, 170],
  [36, 120],
  [38, 85],
  [50, 110],
  [52, 75],
  [60, 95],
  [72, 100],
  [96, 80],
  [100, 70],
  [120, 93],
] as const;

export function crash(): void {
  console.log("\n## A staged crash with one venue, from 262 to 85 in a day, a halt of 12 h, then 75: withheld\n");
  const prints: Print[] = [];
  for (const [index, [hour, price]] of CRASH.slice(1).entries()) {
    const [earlier, before] = CRASH[index] ?? [hour, price];
    if (hour === 50) continue;
    for (let at = earlier; at < hour; at += 1 / 60) {
      const between = before + ((price - before) * (at - earlier)) / (hour - earlier);
      prints.push({ at: CHANGE + at * HOUR, source: "one", base: 10, quote: 10 * between });
    }
  }
  const series = seriesOf(prints);
  printTable(
    ["rule", ...WINDOWS.map(duration)],
    CANDIDATES.map((each) => [
      each.name,
      ...WINDOWS.map((window) => {
        const verdicts = [...judge(series, each, { window, start: CHANGE, end: CHANGE + 5 * DAY })];
        return `${verdicts.filter(({ withheld }) => withheld).length} of ${verdicts.length}`;
      }),
    ]),
  );
}
