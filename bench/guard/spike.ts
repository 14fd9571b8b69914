import { CANDIDATES, type Candidate } from "./candidates.ts";
import { judge } from "./judge.ts";
import { readPrints } from "./real.ts";
import { type Series, seriesOf } from "./series.ts";
import { DAY } from "./staged.ts";
import { duration, printTable, WINDOWS } from "./table.ts";

/** The real spike of February 2026, with the real amounts and with 10⁵ times as much. */
export function realSpike(folder: string): void {
  const real = readPrints(folder, /^sdex_USTRY/);
  const windows = [...WINDOWS, 2 * DAY, 7 * DAY];
  for (const times of [1, 1e5]) {
    const series = seriesOf(real.map((print) => ({ ...print, base: print.base * times, quote: print.quote * times })));
    console.log(
      `\n## USTRY/USDC, February 2026, amounts × ${times}: buckets above 1.2 that are published (highest); honest withheld\n`,
    );
    printTable(
      ["rule", ...windows.map(duration)],
      CANDIDATES.map((each) => [each.name, ...windows.map((window) => spikeOutcome(series, each, window))]),
    );
  }
}

function spikeOutcome(series: Series, each: Candidate, window: number): string {
  const verdicts = [...judge(series, each, { window })];
  const high = verdicts.filter(({ price }) => price > 1.2);
  const published = high.filter(({ withheld }) => !withheld);
  const highest = published.length > 0 ? ` (${Math.max(...published.map(({ price }) => price)).toFixed(2)})` : "";
  const honest = verdicts.filter(({ price }) => price <= 1.2);
  const withheld = honest.filter((verdict) => verdict.withheld).length;
  return `${published.length} of ${high.length}${highest}; ${withheld} of ${honest.length}`;
}
