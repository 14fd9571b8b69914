import type { Candidate } from "./candidates.ts";
import { type Series, type Value, windowValue, within } from "./series.ts";

/** The decision of a candidate about one bucket. */
export interface Verdict extends Value {
  readonly to: number;
  readonly withheld: boolean;
}

export interface Question {
  readonly window: number;
  readonly factor?: number;
  readonly step?: number;
  /** Only buckets that end in (start, end]; by default all with trades. */
  readonly start?: number;
  readonly end?: number;
}

/** Yields every non-empty bucket of a window, and whether the candidate withholds it. */
export function* judge(series: Series, { grain, recent }: Candidate, question: Question): Generator<Verdict> {
  const { window, factor = 2, step = 30, start = series.first, end = series.last + window } = question;
  let known = { key: Number.NaN, prices: [] as readonly number[] };
  for (let to = (Math.floor(start / step) + 1) * step; to <= end; to += step) {
    const value = windowValue(series, to - window, to);
    if (value === null) continue;
    const key = grain === 0 ? to : Math.floor((to - window) / grain);
    if (key !== known.key) known = { key, prices: recent(series, to - window, window) };
    const isFar = known.prices.length > 0 && known.prices.every((price) => !within(value.price, price, factor));
    yield { ...value, to, withheld: isFar && !isConfirmed(value, factor) };
  }
}

/** Whether two sources of the bucket are within the factor of its value. */
function isConfirmed({ price, sources }: Value, factor: number): boolean {
  return sources.filter((own) => within(own, price, factor)).length >= 2;
}
