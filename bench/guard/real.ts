import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { CANDIDATES, type Candidate } from "./candidates.ts";
import { judge, type Verdict } from "./judge.ts";
import { type Print, type Series, seriesOf } from "./series.ts";
import { duration, printTable, WINDOWS } from "./table.ts";

interface RealSet {
  readonly name: string;
  readonly files: RegExp;
  readonly change?: (prints: Print[]) => Print[];
  /** Whether only buckets with two venues count. */
  readonly shared?: boolean;
}

const BITSTAMP = { name: "Bitstamp BTC/USD 2011-09 to 2012-05", files: /^bitstamp_BTC/ };
const SETS: readonly RealSet[] = [
  BITSTAMP,
  { name: "the same, dealt to two venues in turn", files: BITSTAMP.files, change: dealt, shared: true },
  { name: "Mt.Gox BTC/USD 2013-01-01", files: /^mtgox/ },
  { name: "Coinbase BTC/USD 2026-08-09", files: /^coinbase_BTC/ },
  { name: "Coinbase ETH/USD 2026-08-09", files: /^coinbase_ETH/ },
  { name: "Gemini BTC/EUR 2026-08", files: /^gemini_BTC-EUR/ },
  { name: "Gemini BTC/USDT 2026-08", files: /^gemini_BTC-USDT/ },
  { name: "Gemini ETH/USDT 2026-08", files: /^gemini_ETH-USDT/ },
  { name: "three venues BTC/USD+USDT 2026-08", files: /BTC-USDT?_2026/ },
  { name: "three venues ETH/USD+USDT 2026-08", files: /ETH-USDT?_2026/ },
];

/** Bitstamp's two trades at this price are errors: the market was at 3. */
const WRONG = 15;

/** Prints the number of non-empty buckets of real trades that each candidate withholds. */
export function honestBuckets(folder: string): void {
  const [adopted, ...others] = CANDIDATES;
  if (adopted === undefined) return;
  console.log(
    "\n## Honest buckets of real trades that the adopted rule withholds, and any other rule that withholds some\n",
  );
  const rows = SETS.map((set) => {
    const { series, isHonest } = readSet(folder, set);
    const cells = WINDOWS.map((window) => {
      const worse = others
        .map((each) => ({ name: each.name, withheld: countWithheld(series, each, window, isHonest).withheld }))
        .filter(({ withheld }) => withheld > 0);
      return [text(countWithheld(series, adopted, window, isHonest)), ...worse.map(describe)].join("; ");
    });
    return [set.name, ...cells];
  });
  printTable(["data", ...WINDOWS.map(duration)], rows);

  const { series, isHonest } = readSet(folder, BITSTAMP);
  console.log("\n## Bitstamp at other factors, by the adopted rule\n");
  printTable(
    ["factor", ...WINDOWS.map(duration)],
    [1.5, 2, 3].map((factor) => [
      String(factor),
      ...WINDOWS.map((window) => share(countWithheld(series, adopted, window, isHonest, factor))),
    ]),
  );

  console.log("\n## Bitstamp's buckets with a print at 15.00 that the adopted rule withholds\n");
  const isWrong = (verdict: Verdict, window: number) => !isHonest(verdict, window);
  for (const window of WINDOWS)
    console.log(`- ${duration(window)}: ${text(countWithheld(series, adopted, window, isWrong))}`);
}

interface Counted {
  readonly withheld: number;
  readonly all: number;
}

type Wanted = (verdict: Verdict, window: number) => boolean;

function readSet(folder: string, { files, change = (prints) => prints, shared = false }: RealSet) {
  const prints = readPrints(folder, files);
  const wrong = files === BITSTAMP.files ? prints.filter(({ base, quote }) => quote / base >= WRONG) : [];
  const isHonest: Wanted = ({ to, sources }, window) =>
    (!shared || sources.length > 1) && !wrong.some(({ at }) => at < to && at >= to - window);
  return { series: seriesOf(change(prints)), isHonest };
}

function countWithheld(series: Series, each: Candidate, window: number, isWanted: Wanted, factor = 2): Counted {
  const counted = { withheld: 0, all: 0 };
  for (const verdict of judge(series, each, { window, factor })) {
    if (!isWanted(verdict, window)) continue;
    counted.all++;
    if (verdict.withheld) counted.withheld++;
  }
  return counted;
}

function text({ withheld, all }: Counted): string {
  return `${withheld} of ${all}`;
}

function share({ withheld, all }: Counted): string {
  return `${withheld} of ${all} (${((100 * withheld) / all).toFixed(3)} %)`;
}

function describe({ name, withheld }: { name: string; withheld: number }): string {
  return `${name} ${withheld}`;
}

export function readPrints(folder: string, files: RegExp): Print[] {
  return readdirSync(folder)
    .filter((name) => files.test(name))
    .flatMap((name) => {
      const [, ...lines] = gunzipSync(readFileSync(`${folder}/${name}`))
        .toString("utf8")
        .trimEnd()
        .split("\n");
      return lines.map((line) => {
        const [time = "", source = "", , , price, size] = line.split(",");
        return { at: Date.parse(time) / 1000, source, base: Number(size), quote: Number(size) * Number(price) };
      });
    })
    .filter(({ base }) => base > 0);
}

function dealt(prints: Print[]): Print[] {
  return prints.map((print, index) => ({ ...print, source: index % 2 === 0 ? "one" : "other" }));
}
