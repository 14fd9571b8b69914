/** Numerator and denominator, the denominator above 0. */
export type Ratio = readonly [bigint, bigint];

/** Amounts and prices are integers of 10⁻³⁰. */
export const SCALE = 30n;
export const ONE = 10n ** SCALE;

export function total(values: readonly bigint[]): bigint {
  return values.reduce((sum, value) => sum + value, 0n);
}

export function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** A comparator of ratios. */
export function compareRatios([a, b]: Ratio, [c, d]: Ratio): number {
  return compare(a * d, c * b);
}

export function compare(one: bigint, other: bigint): number {
  return one < other ? -1 : Number(one > other);
}

/** Returns whether `of / factor <= price <= of * factor`. */
export function isWithin(price: Ratio, of: Ratio, [up, down]: Ratio): boolean {
  return (
    compareRatios(price, [of[0] * up, of[1] * down]) <= 0 && compareRatios([price[0] * up, price[1] * down], of) >= 0
  );
}

/** Returns twice the median: the sum of the middle two sorted values, or twice the middle one of an odd number. */
export function doubledMedian(values: readonly bigint[]): bigint {
  const sorted = [...values].sort(compare);
  return (sorted[Math.floor((sorted.length - 1) / 2)] ?? 0n) + (sorted[Math.floor(sorted.length / 2)] ?? 0n);
}

/**
 * Returns twice the weighted median: the lowest value with half of the weight; at exactly half, its sum with the next.
 */
export function doubledWeightedMedian(values: readonly (readonly [value: bigint, weight: bigint])[]): bigint {
  const sorted = [...values].sort(([one], [other]) => compare(one, other));
  const all = total(sorted.map(([, weight]) => weight));
  let below = 0n;
  for (const [index, [value, weight]] of sorted.entries()) {
    below += weight;
    if (2n * below === all) return value + (sorted[index + 1]?.[0] ?? value);
    if (2n * below > all) return 2n * value;
  }
  return 0n;
}

export function halfEven(dividend: bigint, divisor: bigint): bigint {
  const floor = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  return twice > divisor || (twice === divisor && floor % 2n === 1n) ? floor + 1n : floor;
}

/** Returns dividend/divisor rounded half-even to `digits` significant digits, in plain notation. */
export function significant(dividend: bigint, divisor: bigint, digits: number): string {
  if (dividend === 0n) return "0";
  const units = (places: number): bigint =>
    places >= 0
      ? halfEven(dividend * 10n ** BigInt(places), divisor)
      : halfEven(dividend, divisor * 10n ** BigInt(-places));
  let decimals = digits - (dividend.toString().length - divisor.toString().length);
  while (units(decimals).toString().length > digits) decimals--;
  while (units(decimals + 1).toString().length <= digits) decimals++;
  return decimals >= 0
    ? plain(units(decimals), BigInt(decimals))
    : plain(units(decimals) * 10n ** BigInt(-decimals), 0n);
}

/** Returns units/10^scale in plain notation without trailing zeros. */
export function plain(units: bigint, scale: bigint): string {
  const digits = units.toString().padStart(Number(scale) + 1, "0");
  const point = digits.length - Number(scale);
  const fraction = digits.slice(point).replace(/0+$/, "");
  return fraction === "" ? digits.slice(0, point) : `${digits.slice(0, point)}.${fraction}`;
}

export function time(micros: bigint): string {
  const iso = new Date(Number(micros / 1_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = (micros % 1_000_000n).toString().padStart(6, "0").replace(/0+$/, "");
  return `${iso}${fraction === "" ? "" : `.${fraction}`}Z`;
}
