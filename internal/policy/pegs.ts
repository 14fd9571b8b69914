import { compareFractions, distance, type Fraction, fractionOf, ONE } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Expansion } from "./expansion.ts";
import type { Policy } from "./policy.ts";
import { percentOf } from "./venues.ts";

/** Stored pairs, separated by whether their peg holds. */
export interface PegFiltered {
  readonly kept: readonly Pair[];
  /** Pairs whose quote trades too far from the currency that it is pegged to. */
  readonly excluded: readonly Pair[];
}

/**
 * Excludes the pegged assets whose own market against their currency is more than `pegTolerancePct` per cent from 1; 0
 * is off.
 * @param pegPrice the price of an asset's own market in the bucket; null where unknown, and then the asset counts
 */
export async function filterPegs(
  { named, pegged }: Expansion,
  { pegTolerancePct }: Pick<Policy, "pegTolerancePct">,
  pegPrice: (market: Pair) => Promise<Fraction | null>,
): Promise<PegFiltered> {
  if (pegTolerancePct.isZero()) return { kept: [...named, ...pegged.flatMap(({ pairs }) => pairs)], excluded: [] };
  const tolerance = percentOf(ONE, fractionOf(pegTolerancePct));
  const checked = await Promise.all(
    pegged.map(async ({ market, pairs }) => {
      const price = await pegPrice(market);
      return { pairs, holds: price === null || compareFractions(distance(price, ONE), tolerance) <= 0 };
    }),
  );
  const pairsWhere = (holds: boolean): Pair[] => checked.flatMap((peg) => (peg.holds === holds ? peg.pairs : []));
  return { kept: [...named, ...pairsWhere(true)], excluded: pairsWhere(false) };
}
