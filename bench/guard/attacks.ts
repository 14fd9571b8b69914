import { CANDIDATES, PARTS } from "./candidates.ts";
import { type Print, seriesOf } from "./series.ts";
import { CHANGE, DAY, flow, HOUR, type Outcome, outcomeOf } from "./staged.ts";
import { duration, printTable, WINDOWS } from "./table.ts";

const MINUTE = 60;
const CALM = CHANGE - 6 * DAY;
const END = CHANGE + 2 * DAY;

interface Attack {
  readonly name: string;
  readonly prints: readonly Print[];
  readonly honestPrice?: number;
  readonly end?: number;
}

/** The attacks; each starts at CHANGE, after six days or more of an honest market. */
const ATTACKS: readonly Attack[] = [
  {
    name: "dust at 10x each hour for 2 days, in a market of one trade a day",
    prints: [
      ...flow({ start: CHANGE - 10 * DAY + 12 * HOUR, end: CHANGE + 7 * DAY, every: DAY, price: 1, base: 20_000 }),
      ...flow({ start: CHANGE, end: END, every: HOUR, price: 10, base: 0.001 }),
    ],
    end: CHANGE + 7 * DAY,
  },
  {
    name: "one trade of 20 000 at 10x each hour for 6 h in the same market",
    prints: [
      ...flow({ start: CHANGE - 10 * DAY + 12 * HOUR, end: CHANGE + 7 * DAY, every: DAY, price: 1, base: 20_000 }),
      ...flow({ start: CHANGE, end: CHANGE + 6 * HOUR, every: HOUR, price: 10, base: 2000 }),
    ],
    end: CHANGE + 7 * DAY,
  },
  { name: "one of three venues swaps base and quote", prints: swapped(["one", "two", "three"]), honestPrice: 2000 },
  { name: "one of two venues swaps base and quote", prints: swapped(["one", "two"]), honestPrice: 2000 },
  { name: "one of three venues floods at 1/2.5", prints: flooded(["one", "two", "three"], 0.4) },
  { name: "one of two venues floods at 1/2", prints: flooded(["one", "two"], 0.5) },
  { name: "one of two venues floods at 1/2.5", prints: flooded(["one", "two"], 0.4) },
  { name: "the only venue floods at 1/2.5", prints: flooded(["one"], 0.4) },
  {
    name: "a second venue of dust at 1/1000 each minute, while the honest price goes to 3x",
    prints: [
      ...flow({ start: CALM, end: CHANGE, every: MINUTE, price: 1 }),
      ...flow({ start: CHANGE, end: END, every: MINUTE, price: 3 }),
      ...flow({ start: CALM, end: END, every: MINUTE, price: 0.001, base: 1, source: "other" }),
    ],
    honestPrice: 3,
  },
  {
    name: "wash trades at 10x each minute for 1 h, after two honest trades a day apart",
    prints: [
      ...flow({ start: CHANGE - 2 * DAY + 5 * HOUR, end: CHANGE, every: DAY, price: 1 }),
      ...flow({ start: CHANGE, end: CHANGE + HOUR, every: MINUTE, price: 10 }),
      ...flow({ start: CHANGE + 5 * HOUR, end: CHANGE + 7 * DAY, every: DAY, price: 1 }),
    ],
    end: CHANGE + 7 * DAY,
  },
  {
    name: "wash trades at 100x for 2 h, in a market 2.5 h old",
    prints: [
      ...flow({ start: CHANGE - 2.5 * HOUR, end: END, every: MINUTE, price: 1 }),
      ...flow({ start: CHANGE, end: CHANGE + 2 * HOUR, every: 30, price: 100, base: 5000 }),
    ],
  },
  {
    name: "a market that begins with an hour at 10x and is honest afterwards",
    prints: [
      ...flow({ start: CHANGE, end: CHANGE + HOUR, every: MINUTE, price: 10 }),
      ...flow({ start: CHANGE + HOUR, end: END, every: MINUTE, price: 1 }),
    ],
  },
  {
    name: "wash trades that climb by 1.9x each 4 h, for 24 h",
    prints: [
      ...flow({ start: CALM, end: END, every: MINUTE, price: 1 }),
      ...[1, 2, 3, 4, 5, 6].flatMap((rung) => {
        const start = CHANGE + (rung - 1) * 4 * HOUR;
        return flow({ start, end: start + 4 * HOUR, every: 30, price: 1.9 ** rung, base: 5000 });
      }),
    ],
  },
  {
    name: "a pair's first day, with one trade of 20 000 at 100x after five hours",
    prints: [
      ...flow({ start: CHANGE, end: END, every: MINUTE, price: 1 }),
      ...flow({ start: CHANGE + 5 * HOUR, end: CHANGE + 5 * HOUR + 1, every: 1, price: 100, base: 20_000 }),
    ],
  },
];

export function attacks(): void {
  const staged = ATTACKS.map((attack) => ({ ...attack, series: seriesOf(attack.prints) }));
  console.log("\nStaged attacks:\n");
  for (const [index, { name }] of ATTACKS.entries()) console.log(`${index + 1}. ${name}`);
  for (const [what, candidates] of [
    ["", CANDIDATES],
    [", without one part of the rule", PARTS],
  ] as const)
    for (const window of WINDOWS) {
      console.log(
        `\n## Staged attacks, ${duration(window)}${what}: false buckets published; honest buckets withheld\n`,
      );
      printTable(
        ["rule", ...staged.map((_, index) => String(index + 1))],
        candidates.map((each) => [
          each.name,
          ...staged.map(({ series, honestPrice, end = END }) =>
            shares(outcomeOf(series, each, window, CHANGE, end, honestPrice)),
          ),
        ]),
      );
    }
}

function shares({ falsePublished, falseAll, honestWithheld, honestAll }: Outcome): string {
  return `${share(falsePublished, falseAll)}; ${share(honestWithheld, honestAll)}`;
}

function share(part: number, all: number): string {
  return all === 0 ? "–" : `${Math.round((100 * part) / all)} %`;
}

function swapped(sources: readonly string[]): Print[] {
  const [broken = "", ...honest] = sources;
  return [
    ...honest.flatMap((source) => flow({ start: CALM, end: END, every: MINUTE, price: 2000, base: 1, source })),
    ...flow({ start: CALM, end: CHANGE, every: MINUTE, price: 2000, base: 1, source: broken }),
    ...flow({ start: CHANGE, end: END, every: MINUTE, price: 1 / 2000, base: 2000, source: broken }),
  ];
}

function flooded(sources: readonly string[], price: number): Print[] {
  const [flooding] = sources;
  return [
    ...sources.flatMap((source) => flow({ start: CALM, end: END, every: MINUTE, price: 1, source })),
    ...flow({ start: CHANGE, end: END, every: 30, price, base: 50_000, source: flooding ?? "" }),
  ];
}
