import { formatDecimal } from "./decimal.ts";
import { type Fraction, fraction, minus, over, roundFractionTo, times } from "./fraction.ts";

const HUNDRED = fraction(100n, 1n);
const DEVIATION_DECIMALS = 6;

/** Returns (other − ours) / ours in per cent, with up to 6 decimals. */
export function deviationPct(ours: Fraction, other: Fraction): string {
  return formatDecimal(roundFractionTo(times(over(minus(other, ours), ours), HUNDRED), DEVIATION_DECIMALS));
}
