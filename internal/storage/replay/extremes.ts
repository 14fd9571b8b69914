import type { PriceBand } from "../../aggregate/reader.ts";
import { type Decimal, parseDecimal } from "../../canonical/decimal.ts";

/** Prices by place, to be asked for the furthest ones of a stretch. */
export interface Extremes {
  /** The furthest price from `first` to before `past`; there is one at least. */
  readonly furthest: (first: number, past: number) => Decimal;
  /** The places from `first` to before `past` with a price further than the limit, in order. */
  readonly beyond: (first: number, past: number, limit: Limit) => number[];
}

/** What prices are held against, as a float too. */
export interface Limit {
  readonly exact: Decimal;
  readonly float: number;
}

/** A band whose ends are such limits. */
export interface Limits {
  readonly low: Limit;
  readonly high: Limit;
}

export function limitOf(exact: Decimal): Limit {
  return { exact, float: Number(exact) };
}

export function limitsOf({ low, high }: PriceBand): Limits {
  return { low: limitOf(low), high: limitOf(high) };
}

/** Whether `inner` reaches no further than `outer` at either end. */
export function isWithin(inner: Limits, outer: Limits): boolean {
  return isAtLeast(inner.low, outer.low) && isAtLeast(outer.high, inner.high);
}

function isAtLeast(one: Limit, other: Limit): boolean {
  return one.float === other.float ? one.exact.gte(other.exact) : one.float > other.float;
}

/** Looks downwards: the furthest price is the least. */
export function leastOf(prices: readonly string[]): Extremes {
  return extremesOf(
    prices,
    (one, other) => one < other,
    (one, other) => one.lessThan(other),
  );
}

/** Looks upwards: the furthest price is the greatest. */
export function greatestOf(prices: readonly string[]): Extremes {
  return extremesOf(
    prices,
    (one, other) => one > other,
    (one, other) => one.greaterThan(other),
  );
}

function extremesOf(
  texts: readonly string[],
  isFurther: (one: number, other: number) => boolean,
  isExactlyFurther: (one: Decimal, other: Decimal) => boolean,
): Extremes {
  // Floats order as the decimals do, or call them equal; then the decimals decide.
  const floats = Float64Array.from(texts, Number);
  const decimals: Decimal[] = [];
  const exact = (place: number): Decimal => {
    const decimal = decimals[place] ?? parseDecimal(texts[place] as string);
    decimals[place] = decimal;
    return decimal;
  };
  const furtherOf = (one: number, other: number): number => {
    const [a, b] = [floats[one] as number, floats[other] as number];
    return (a === b ? one !== other && isExactlyFurther(exact(one), exact(other)) : isFurther(a, b)) ? one : other;
  };
  // By n, the place of the furthest of the 2ⁿ prices from each place on: two of them make up any stretch.
  const levels = [Int32Array.from(texts.keys())];
  for (let length = 2; length <= texts.length; length *= 2) {
    const halves = levels.at(-1) as Int32Array;
    const wholes = Int32Array.from({ length: texts.length - length + 1 }, (_, place) =>
      furtherOf(halves[place] as number, halves[place + length / 2] as number),
    );
    levels.push(wholes);
  }
  const furthestPlace = (first: number, past: number): number => {
    const level = 31 - Math.clz32(past - first);
    const places = levels[level] as Int32Array;
    return furtherOf(places[first] as number, places[past - 2 ** level] as number);
  };

  return {
    furthest: (first, past) => exact(furthestPlace(first, past)),
    beyond: (first, past, limit) => {
      const places: number[] = [];
      const look = (from: number, to: number): void => {
        if (from >= to) return;
        const place = furthestPlace(from, to);
        const price = floats[place] as number;
        const isBeyond =
          price === limit.float ? isExactlyFurther(exact(place), limit.exact) : isFurther(price, limit.float);
        if (!isBeyond) return;
        look(from, place);
        places.push(place);
        look(place + 1, to);
      };
      look(first, past);
      return places;
    },
  };
}
