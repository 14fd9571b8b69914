import { type Decimal, parseDecimal } from "../../canonical/decimal.ts";

/** Prices by place, to be asked for the furthest one of a stretch. */
export interface Extremes {
  /** The furthest price from `first` to before `past`; there is one at least. */
  readonly furthest: (first: number, past: number) => Decimal;
  /** The places from `first` to before `past` with a price further than the limit, in order. */
  readonly beyond: (first: number, past: number, limit: Decimal) => number[];
}

/** Prices that are looked at as one where a stretch holds all of them. */
const BLOCK = 32;

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
    return (a === b ? isExactlyFurther(exact(one), exact(other)) : isFurther(a, b)) ? one : other;
  };
  const furthestOfBlocks = new Int32Array(Math.floor(texts.length / BLOCK));
  for (const block of furthestOfBlocks.keys()) {
    const start = block * BLOCK;
    let furthest = start;
    for (let place = start + 1; place < start + BLOCK; place++) furthest = furtherOf(place, furthest);
    furthestOfBlocks[block] = furthest;
  }
  const isWholeBlock = (place: number, past: number): boolean => place % BLOCK === 0 && place + BLOCK <= past;

  return {
    furthest: (first, past) => {
      let furthest = first;
      for (let place = first; place < past; ) {
        const isBlock = isWholeBlock(place, past);
        furthest = furtherOf(isBlock ? (furthestOfBlocks[place / BLOCK] as number) : place, furthest);
        place += isBlock ? BLOCK : 1;
      }
      return exact(furthest);
    },
    beyond: (first, past, limit) => {
      const float = Number(limit);
      const isBeyond = (place: number): boolean => {
        const price = floats[place] as number;
        return price === float ? isExactlyFurther(exact(place), limit) : isFurther(price, float);
      };
      const places: number[] = [];
      for (let place = first; place < past; place++) {
        const skips = isWholeBlock(place, past) && !isBeyond(furthestOfBlocks[place / BLOCK] as number);
        if (skips) place += BLOCK - 1;
        else if (isBeyond(place)) places.push(place);
      }
      return places;
    },
  };
}
