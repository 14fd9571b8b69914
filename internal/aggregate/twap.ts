import { type Decimal, dividePublished, parseDecimal } from "../canonical/decimal.ts";
import type { TimeWeightedSums } from "./reader.ts";

/**
 * TWAP = Σ price·Δt / Σ Δt, rounded half-even to 18 significant digits; each price stands until the next trade or the
 * bucket's end, and time before the first trade does not count. Null where no price stood for any time.
 */
export function timeWeightedPrice({ weightedSum, duration }: TimeWeightedSums): Decimal | null {
  return duration === 0n ? null : dividePublished(weightedSum, parseDecimal(duration.toString()));
}
