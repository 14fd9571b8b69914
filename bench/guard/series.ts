/** A trade of the study, with floats, since the study publishes nothing. */
export interface Print {
  /** Seconds since 1970. */
  readonly at: number;
  readonly source: string;
  readonly base: number;
  readonly quote: number;
}

/** A whole minute or hour with trades, as in the rollups. */
export interface Block {
  readonly start: number;
  /** Σ quote / Σ base, without the venues that the venue rule drops. */
  readonly price: number;
  readonly quote: number;
  /** The prices of its kept sources. */
  readonly sources: readonly number[];
}

/** The value of a target's bucket before the guard. */
export interface Value {
  readonly price: number;
  readonly quote: number;
  /** The prices of the kept sources. */
  readonly sources: readonly number[];
}

/** The trades of one pair with their rollups and running sums. */
export interface Series {
  readonly first: number;
  readonly last: number;
  readonly hours: readonly Block[];
  readonly minutes: readonly Block[];
  readonly sources: readonly Running[];
}

interface Running {
  readonly times: readonly number[];
  readonly base: readonly number[];
  readonly quote: readonly number[];
}

interface Sums {
  readonly base: number;
  readonly quote: number;
}

export function seriesOf(prints: readonly Print[]): Series {
  const sorted = prints.toSorted((one, other) => one.at - other.at);
  return {
    first: sorted[0]?.at ?? 0,
    last: sorted.at(-1)?.at ?? 0,
    hours: blocksOf(sorted, 3600),
    minutes: blocksOf(sorted, 60),
    sources: [...groupBy(sorted, ({ source }) => source).values()].map(runningSums),
  };
}

/** Returns the VWAP of [from, to) after the venue rule, or null without trades. */
export function windowValue(series: Series, from: number, to: number): Value | null {
  const sums: Sums[] = [];
  for (const { times, base, quote } of series.sources) {
    const start = countBefore(times, from);
    const end = countBefore(times, to);
    if (end > start)
      sums.push({
        base: (base[end] as number) - (base[start] as number),
        quote: (quote[end] as number) - (quote[start] as number),
      });
  }
  const kept = venueRule(sums);
  if (kept.length === 0) return null;
  const { base, quote } = total(kept);
  return { price: quote / base, quote, sources: kept.map((sum) => sum.quote / sum.base) };
}

/** Returns how many of the ascending numbers are less than `limit`. */
export function countBefore(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function blocksOf(prints: readonly Print[], length: number): Block[] {
  const blocks: Block[] = [];
  for (const [index, inside] of groupBy(prints, ({ at }) => Math.floor(at / length))) {
    const bySource = [...groupBy(inside, ({ source }) => source).values()];
    const kept = venueRule(bySource.filter((prints) => prints.some(formsPrice)).map(total));
    if (kept.length === 0) continue;
    const { base, quote } = total(kept);
    const sources = kept.map((sum) => sum.quote / sum.base);
    blocks.push({ start: index * length, price: quote / base, quote, sources });
  }
  return blocks;
}

/** The rule of `formsPrice` in internal/canonical/trade.ts. */
function formsPrice({ source, base, quote }: Print): boolean {
  return base * quote >= (base + quote) * (source === "sdex" ? 1e-4 : 1e-5);
}

/** With three sources or more, drops those further than 10 % from the median of their prices. */
function venueRule(sums: readonly Sums[]): readonly Sums[] {
  if (sums.length < 3) return sums;
  const prices = sums.map(({ base, quote }) => quote / base).sort((one, other) => one - other);
  const middle = prices.length / 2;
  const median = ((prices[Math.ceil(middle) - 1] as number) + (prices[Math.floor(middle)] as number)) / 2;
  return sums.filter(({ base, quote }) => Math.abs(quote / base - median) <= median / 10);
}

function total(sums: readonly Sums[]): Sums {
  return {
    base: sums.reduce((sum, { base }) => sum + base, 0),
    quote: sums.reduce((sum, { quote }) => sum + quote, 0),
  };
}

function runningSums(prints: readonly Print[]): Running {
  const base = [0];
  const quote = [0];
  for (const print of prints) {
    base.push((base.at(-1) as number) + print.base);
    quote.push((quote.at(-1) as number) + print.quote);
  }
  return { times: prints.map(({ at }) => at), base, quote };
}

function groupBy<K>(prints: readonly Print[], keyOf: (print: Print) => K): Map<K, Print[]> {
  const groups = new Map<K, Print[]>();
  for (const print of prints) {
    const key = keyOf(print);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [print]);
    else group.push(print);
  }
  return groups;
}

export function within(price: number, other: number, factor: number): boolean {
  return price <= other * factor && price * factor >= other;
}
