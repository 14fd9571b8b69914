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
import { volumePrice } from "./volume-price.ts";

/** Of two venues neither is the odd one out. */
const FEWEST_VENUES = 3;

/** What is near by floats with this margin is near exactly, too. */
const FLOAT_MARGIN = 0.99;

const HUNDRED = fraction(100n, 1n);

type VenueRule = Pick<Policy, "venueDeviationPct">;

/**
 * The venues whose price lies at most `venueDeviationPct` per cent from the median of the voters' prices (of an even number
 * of voters, the mean of the middle two), decided exactly. Of one voter or two neither is the odd one out: they stay, and of
 * the others those that are near to one of them. Off, and with fewer than three venues, all stay.
 * @param hasVote whether a venue's price counts for the median; where none has a vote, all have
 */
export function nearMedian(
  prices: ReadonlyMap<string, Fraction>,
  { venueDeviationPct }: VenueRule,
  hasVote: (venue: string) => boolean,
): ReadonlySet<string> {
  const venues = [...prices.keys()];
  if (venueDeviationPct.isZero() || venues.length < FEWEST_VENUES) return new Set(venues);
  if (areSurelyNear([...prices.values()].map(floatOf), { venueDeviationPct })) return new Set(venues);
  const priceOf = (venue: string): Fraction => prices.get(venue) as Fraction;
  const voters = venues.some(hasVote) ? venues.filter(hasVote) : venues;
  const votes = voters.map(priceOf);
  const middles = voters.length < FEWEST_VENUES ? votes : [medianOf(votes)];
  const deviation = fractionOf(venueDeviationPct);
  const isNear = (price: Fraction): boolean =>
    middles.some((middle) => compareFractions(distance(price, middle), percentOf(middle, deviation)) <= 0);
  return new Set(venues.filter((venue) => isNear(priceOf(venue))));
}

/**
 * Whether the prices lie so near to each other that each is near their median, told with floats and a margin for what these
 * cannot hold. It saves the exact comparison where venues agree, as they nearly always do; it never decides that one is odd.
 */
export function areSurelyNear(prices: readonly number[], { venueDeviationPct }: VenueRule): boolean {
  if (venueDeviationPct.isZero() || prices.length < FEWEST_VENUES) return true;
  const [least, greatest] = [Math.min(...prices), Math.max(...prices)];
  return least > 0 && greatest - least < least * (floatOfDecimal(venueDeviationPct) / 100) * FLOAT_MARGIN;
}

/** So many per cent of a value. */
export function percentOf(value: Fraction, perCent: Fraction): Fraction {
  return times(value, over(perCent, HUNDRED));
}

/**
 * The venues that the venue rule keeps. A venue's price is its own VWAP; that of one which deviates is taken after the
 * outlier rule over its own trades, so that one wrong print does not cost the venue.
 * @param hasVote whether a venue's price counts for the median; asked for only where venues differ
 * @param cleanPrice a venue's price without its own outliers
 */
export async function keptVenues(
  totals: readonly SourceTotals[],
  rule: VenueRule,
  hasVote: () => Promise<(venue: string) => boolean>,
  cleanPrice: (venue: SourceTotals) => Promise<Fraction>,
): Promise<ReadonlySet<string>> {
  const floats = totals.map((venue) => floatOfDecimal(venue.quoteVolume) / floatOfDecimal(venue.baseVolume));
  if (areSurelyNear(floats, rule)) return new Set(totals.map(({ source }) => source));
  const prices = new Map(totals.map((venue) => [venue.source, volumePrice(venue)]));
  const cleaned = new Set<string>();
  const isVoter = await hasVote();
  for (;;) {
    const near = nearMedian(prices, rule, isVoter);
    const odd = totals.filter(({ source }) => !near.has(source) && !cleaned.has(source));
    if (odd.length === 0) return near;
    // What is cleaned may move the median, and others may deviate from it then: each is cleaned once at most.
    const clean = await Promise.all(odd.map(cleanPrice));
    for (const [index, { source }] of odd.entries()) {
      cleaned.add(source);
      prices.set(source, clean[index] as Fraction);
    }
  }
}
