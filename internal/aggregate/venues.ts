import {
  compareFractions,
  distance,
  type Fraction,
  fraction,
  fractionOf,
  medianOf,
  over,
  ratioOf,
  times,
} from "../canonical/fraction.ts";
import type { Policy } from "./policy.ts";
import { countOf, type SourceVolumes } from "./reader.ts";

/** Of two venues neither is the odd one out. */
const FEWEST_VENUES = 3;

const HUNDRED = fraction(100n, 1n);

export interface VenueFiltered {
  readonly kept: readonly SourceVolumes[];
  /** Trades left out. */
  readonly dropped: number;
}

/**
 * Leaves out the venues whose own VWAP lies further than `venueDeviationPct` per cent from the median of the venues'
 * VWAPs (of an even number of venues, the mean of the middle two), decided exactly. Off, and with fewer than three
 * venues, it keeps all.
 */
export function filterVenues(
  venues: readonly SourceVolumes[],
  { venueDeviationPct }: Pick<Policy, "venueDeviationPct">,
): VenueFiltered {
  if (venueDeviationPct.isZero() || venues.length < FEWEST_VENUES) return { kept: venues, dropped: 0 };
  const prices = venues.map(({ baseVolume, quoteVolume }) => ratioOf(quoteVolume, baseVolume));
  const median = medianOf(prices);
  const reach = times(median, over(fractionOf(venueDeviationPct), HUNDRED));
  const isNear = (price: Fraction): boolean => compareFractions(distance(price, median), reach) <= 0;
  const kept = venues.filter((_, index) => isNear(prices[index] as Fraction));
  return { kept, dropped: countOf(venues) - countOf(kept) };
}
