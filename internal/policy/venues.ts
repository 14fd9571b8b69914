import { floatOfDecimal } from "../canonical/decimal.ts";
import {
  compareFractions,
  distance,
  type Fraction,
  floatOf,
  fraction,
  fractionOf,
  medianOf,
  over,
  times,
} from "../canonical/fraction.ts";
import type { Policy } from "./policy.ts";
import type { SourceTotals } from "./reader.ts";
import { vwapOf } from "./vwap-of.ts";

/** With two venues it cannot be told which of them deviates. */
const MIN_VENUES = 3;

/** Safety margin for float comparisons: prices within it are also near when compared exactly. */
const FLOAT_MARGIN = 0.99;

const HUNDRED = fraction(100n, 1n);

type VenueRule = Pick<Policy, "venueDeviationPct">;

/**
 * Returns the venues whose price is at most `venueDeviationPct` per cent from the median of the voters' prices (for an
 * even number, the mean of the middle two), decided exactly. With one or two voters, the voters stay, and so do venues
 * near one of them. With the rule off or fewer than three venues, all stay.
 * @param hasVote whether a venue's price counts for the median; where no venue has a vote, all have
 */
export function nearMedian(
  prices: ReadonlyMap<string, Fraction>,
  { venueDeviationPct }: VenueRule,
  hasVote: (venue: string) => boolean,
): ReadonlySet<string> {
  const venues = [...prices.keys()];
  if (venueDeviationPct.isZero() || venues.length < MIN_VENUES) return new Set(venues);
  if (areSurelyNear([...prices.values()].map(floatOf), { venueDeviationPct })) return new Set(venues);
  const priceOf = (venue: string): Fraction => prices.get(venue) as Fraction;
  const voters = venues.some(hasVote) ? venues.filter(hasVote) : venues;
  const votes = voters.map(priceOf);
  const middles = voters.length < MIN_VENUES ? votes : [medianOf(votes)];
  const deviation = fractionOf(venueDeviationPct);
  const isNear = (price: Fraction): boolean =>
    middles.some((middle) => compareFractions(distance(price, middle), percentOf(middle, deviation)) <= 0);
  return new Set(venues.filter((venue) => isNear(priceOf(venue))));
}

/**
 * Returns true where the prices are certainly so close that each is near their median, using floats with a safety
 * margin. It saves the exact comparison where venues agree, as they nearly always do; false means undecided.
 */
export function areSurelyNear(prices: readonly number[], { venueDeviationPct }: VenueRule): boolean {
  if (venueDeviationPct.isZero() || prices.length < MIN_VENUES) return true;
  const [lowest, highest] = [Math.min(...prices), Math.max(...prices)];
  return lowest > 0 && highest - lowest < lowest * (floatOfDecimal(venueDeviationPct) / 100) * FLOAT_MARGIN;
}

/** Returns `perCent` per cent of a value. */
export function percentOf(value: Fraction, perCent: Fraction): Fraction {
  return times(value, over(perCent, HUNDRED));
}

/**
 * Returns the venues that the venue rule keeps. A venue's price is its own VWAP; a venue that deviates is priced again
 * without the outliers among its own trades, so that a single wrong trade does not exclude the venue.
 * @param hasVote whether a venue's price counts for the median; called only where venues differ
 * @param cleanPrice returns a venue's price without its own outliers
 */
export async function keptVenues(
  totals: readonly SourceTotals[],
  rule: VenueRule,
  hasVote: () => Promise<(venue: string) => boolean>,
  cleanPrice: (venue: SourceTotals) => Promise<Fraction>,
): Promise<ReadonlySet<string>> {
  const floats = totals.map((venue) => floatOfDecimal(venue.quoteVolume) / floatOfDecimal(venue.baseVolume));
  if (areSurelyNear(floats, rule)) return new Set(totals.map(({ source }) => source));
  const prices = new Map(totals.map((venue) => [venue.source, vwapOf(venue)]));
  const cleaned = new Set<string>();
  const isVoter = await hasVote();
  for (;;) {
    const near = nearMedian(prices, rule, isVoter);
    const deviating = totals.filter(({ source }) => !near.has(source) && !cleaned.has(source));
    if (deviating.length === 0) return near;
    // Clean prices may move the median so that further venues deviate; each venue is cleaned at most once.
    const clean = await Promise.all(deviating.map(cleanPrice));
    for (const [index, { source }] of deviating.entries()) {
      cleaned.add(source);
      prices.set(source, clean[index] as Fraction);
    }
  }
}
