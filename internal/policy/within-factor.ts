import type { Decimal } from "../canonical/decimal.ts";
import { compareFractions, type Fraction, fractionOf, times } from "../canonical/fraction.ts";

/** Returns whether `of / factor <= price <= of * factor`. */
export function isWithinFactor(price: Fraction, of: Fraction, factor: Decimal): boolean {
  const reach = fractionOf(factor);
  return compareFractions(price, times(of, reach)) <= 0 && compareFractions(times(price, reach), of) >= 0;
}
