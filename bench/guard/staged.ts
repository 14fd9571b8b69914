import { CANDIDATES, type Candidate } from "./candidates.ts";
import { judge } from "./judge.ts";
import { type Print, type Series, seriesOf, within } from "./series.ts";
import { duration, printTable, WINDOWS } from "./table.ts";

export const HOUR = 3600;
export const DAY = 24 * HOUR;
/** A whole hour long after 1970, before which staged markets start and at which they change. */
export const CHANGE = 1000 * DAY;
/** The offsets of a change within an hour, since whole hours count; each figure is the worst of these. */
export const OFFSETS = [0, 20 * 60, 40 * 60] as const;
const MINUTE = 60;

export interface Flow {
  readonly start: number;
  readonly end: number;
  /** Seconds from one trade to the next. */
  readonly every: number;
  readonly price: number;
  /** Each trade's amount in the base. */
  readonly base?: number;
  readonly source?: string;
}

export function flow({ start, end, every, price, base = 1000, source = "one" }: Flow): Print[] {
  const prints: Print[] = [];
  for (let at = start; at < end; at += every) prints.push({ at: at + 1, source, base, quote: base * price });
  return prints;
}

/** The distance of checked buckets in a staged market, since long windows change slowly. */
export function stepOf(window: number): number {
  return window >= DAY ? 300 : 30;
}

export function lastingMoves(): void {
  for (const window of WINDOWS) {
    console.log(
      `\n## A real move that lasts, one venue, ${duration(window)}: withheld from – to (buckets each 30 s)\n`,
    );
    const moves = [3, 1 / 3].flatMap((price) => [MINUTE, 20 * MINUTE, 5 * HOUR].map((every) => ({ price, every })));
    printTable(
      ["rule", ...moves.map(({ price, every }) => `${price > 1 ? "3x" : "1/3"}, one each ${duration(every)}`)],
      CANDIDATES.map((each) => [each.name, ...moves.map((move) => delayOf(each, window, move))]),
    );
  }
}

function delayOf(each: Candidate, window: number, { price, every }: { price: number; every: number }): string {
  const delays = OFFSETS.map((offset) => {
    const change = CHANGE + offset;
    const end = change + 4 * DAY;
    const series = moved(change, end, price, every);
    const step = stepOf(window);
    const withheld = [...judge(series, each, { window, step, start: change, end })].filter((each) => each.withheld);
    const [first] = withheld;
    const last = withheld.at(-1);
    if (first === undefined || last === undefined) return { first: 0, last: 0, buckets: 0 };
    return { first: first.to - change, last: last.to - change, buckets: (withheld.length * step) / 30 };
  });
  const worst = delays.reduce((one, other) => (other.last > one.last ? other : one));
  return worst.buckets === 0 ? "–" : `${duration(worst.first)} – ${duration(worst.last)} (${worst.buckets})`;
}

function moved(change: number, end: number, price: number, every: number): Series {
  // The first trade at the new price is exactly at the change, and calm trades keep their distance to it.
  const calm = flow({ start: change - Math.floor((6 * DAY) / every) * every, end: change, every, price: 1 });
  return seriesOf([...calm, ...flow({ start: change, end, every, price })]);
}

export function freshSpikes(): void {
  console.log("\n## A bucket at 100x after ten calm ones and nothing before: published, of 120 places in the hour\n");
  const lengths = [30, 60, 300, 3600];
  printTable(
    ["rule", ...lengths.map(duration)],
    CANDIDATES.map((each) => [each.name, ...lengths.map((length) => freshPublished(each, length))]),
  );
}

function freshPublished(each: Candidate, window: number): string {
  let published = 0;
  for (let offset = 0; offset < HOUR; offset += 30) {
    const start = CHANGE + offset;
    const spike = start + 10 * window;
    const end = spike + window;
    const every = window / 3;
    const calm = flow({ start, end: spike, every, price: 1 });
    const series = seriesOf([...calm, ...flow({ start: spike, end, every, price: 100 })]);
    for (const { to, withheld } of judge(series, each, { window, start: end - 30, end }))
      if (to === end && !withheld) published++;
  }
  return String(published);
}

export function heldLevels(): void {
  const lasting = [10 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];
  for (const window of WINDOWS) {
    console.log(
      `\n## Wash trades at 100x, ten times the honest volume, ${duration(window)}: false time published; ` +
        "honest time withheld from the attack's start on\n",
    );
    printTable(
      ["rule", ...lasting.map((length) => `for ${duration(length)}`)],
      CANDIDATES.map((each) => [each.name, ...lasting.map((length) => heldOutcome(each, window, length))]),
    );
  }
}

function heldOutcome(each: Candidate, window: number, length: number): string {
  const outcomes = OFFSETS.map((offset) => {
    const start = CHANGE + offset;
    const end = start + length + 3 * DAY;
    const honest = flow({ start: start - 6 * DAY, end, every: MINUTE, price: 1 });
    const wash = flow({ start, end: start + length, every: 30, price: 100, base: 5000 });
    return outcomeOf(seriesOf([...honest, ...wash]), each, window, start, end);
  });
  const worst = (of: (outcome: Outcome) => number) => duration(Math.max(...outcomes.map(of)) * stepOf(window));
  return `${worst(({ falsePublished }) => falsePublished)}; ${worst(({ honestWithheld }) => honestWithheld)}`;
}

export interface Outcome {
  readonly falsePublished: number;
  readonly falseAll: number;
  readonly honestWithheld: number;
  readonly honestAll: number;
}

/** Counts buckets; a value further than a factor of two from the honest price is false. */
export function outcomeOf(
  series: Series,
  each: Candidate,
  window: number,
  start: number,
  end: number,
  honestPrice = 1,
): Outcome {
  const outcome = { falsePublished: 0, falseAll: 0, honestWithheld: 0, honestAll: 0 };
  for (const { price, withheld } of judge(series, each, { window, step: stepOf(window), start, end })) {
    if (within(price, honestPrice, 2)) {
      outcome.honestAll++;
      if (withheld) outcome.honestWithheld++;
    } else {
      outcome.falseAll++;
      if (!withheld) outcome.falsePublished++;
    }
  }
  return outcome;
}
