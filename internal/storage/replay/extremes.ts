import { type Decimal, parseDecimal } from "../../canonical/decimal.ts";
import type { PriceBand } from "../../policy/reader.ts";

/** A sparse table for range minimum (or maximum) queries over an array of prices, by index in [first, past). */
export interface Extremes {
  /** Returns the minimum (maximum) of a non-empty range. */
  readonly furthest: (first: number, past: number) => Decimal;
  /** Returns the indices of the range whose prices are below (above) the limit, ascending. */
  readonly beyond: (first: number, past: number, limit: Limit) => number[];
}

/** A limit for prices, exact and as a float for fast comparisons. */
export interface Limit {
  readonly exact: Decimal;
  readonly float: number;
}

/** A price band as limits. */
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

/** Returns whether the band `inner` lies within `outer`. */
export function isWithin(inner: Limits, outer: Limits): boolean {
  return isAtLeast(inner.low, outer.low) && isAtLeast(outer.high, inner.high);
}

function isAtLeast(one: Limit, other: Limit): boolean {
  return one.float === other.float ? one.exact.gte(other.exact) : one.float > other.float;
}

/** Range minimum queries over prices. */
export function leastOf(prices: readonly string[]): Extremes {
  return extremesOf(
    prices,
    (one, other) => one < other,
    (one, other) => one.lessThan(other),
  );
}

/** Range maximum queries over prices. */
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
  // Conversion to float is monotonic: only if two floats are equal must the decimals be compared.
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
  // levels[n][i] is the index of the extreme among the 2ⁿ prices from i on; two overlapping entries cover any range.
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
